//===- CublasLtProduct.cpp - A product as cuBLASLt sees it ----------------===//

#include "runtime/Kernels/CublasLtProduct.h"

#include "runtime/Plan/Scratch.h"

namespace fabric::kernels {
namespace {

cudaDataType_t typeOf(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return CUDA_R_64F;
  case DType::BF16:
    return CUDA_R_16BF;
  case DType::F16:
    return CUDA_R_16F;
  default:
    return CUDA_R_32F;
  }
}

const float one = 1, zero = 0;
const double oneF64 = 1, zeroF64 = 0;

} // namespace

Expected<std::unique_ptr<CublasLtProduct>>
CublasLtProduct::create(std::shared_ptr<const CublasLtContext> context,
                        const GemmDesc &desc) {
  std::unique_ptr<CublasLtProduct> made(
      new CublasLtProduct(std::move(context), desc));
  FABRIC_RETURN_IF_ERROR(made->describeProduct());
  FABRIC_ASSIGN_OR_RETURN(made->a,
                          made->describe(desc.input, desc.m, desc.k, desc.a));
  FABRIC_ASSIGN_OR_RETURN(made->b,
                          made->describe(desc.input, desc.k, desc.n, desc.b));
  FABRIC_ASSIGN_OR_RETURN(made->c,
                          made->describe(desc.output, desc.m, desc.n, desc.c));
  return made;
}

Status CublasLtProduct::describeProduct() {
  bool f64 = desc.input == DType::F64;
  cublasComputeType_t compute = f64         ? CUBLAS_COMPUTE_64F
                                : desc.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                            : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t raw = nullptr;
  FABRIC_RETURN_IF_ERROR(lt.check(
      lt.cublasLtMatmulDescCreate(&raw, compute, f64 ? CUDA_R_64F : CUDA_R_32F),
      "cublasLtMatmulDescCreate"));
  product = {raw, lt.cublasLtMatmulDescDestroy};
  // The library's first operand is b.
  auto transpose = [](const MatrixLayout &matrix) {
    return matrix.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  };
  FABRIC_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSA, transpose(desc.b)));
  FABRIC_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSB, transpose(desc.a)));
  if (!desc.bias)
    return Status::success();
  FABRIC_RETURN_IF_ERROR(
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS));
  FABRIC_RETURN_IF_ERROR(
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, typeOf(*desc.bias)));
  // The heuristic looks at how this address is aligned, not behind it.
  return set(CUBLASLT_MATMUL_DESC_BIAS_POINTER,
             reinterpret_cast<const void *>(desc.alignment));
}

/// A stored row is a column to the library.
Expected<CublasLtProduct::Layout>
CublasLtProduct::describe(DType dtype, int64_t rows, int64_t columns,
                          const MatrixLayout &matrix) const {
  if (matrix.transposed)
    std::swap(rows, columns);
  cublasLtMatrixLayout_t raw = nullptr;
  FABRIC_RETURN_IF_ERROR(
      lt.check(lt.cublasLtMatrixLayoutCreate(
                   &raw, typeOf(dtype), static_cast<uint64_t>(columns),
                   static_cast<uint64_t>(rows), matrix.leading),
               "cublasLtMatrixLayoutCreate"));
  Layout layout(raw, lt.cublasLtMatrixLayoutDestroy);
  auto setBatch = [&](cublasLtMatrixLayoutAttribute_t attribute, auto value) {
    return lt.check(lt.cublasLtMatrixLayoutSetAttribute(raw, attribute, &value,
                                                        sizeof(value)),
                    "cublasLtMatrixLayoutSetAttribute");
  };
  if (desc.batch > 1) {
    FABRIC_RETURN_IF_ERROR(setBatch(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                    static_cast<int32_t>(desc.batch)));
    FABRIC_RETURN_IF_ERROR(setBatch(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                    static_cast<int64_t>(matrix.batchStride)));
  }
  return layout;
}

Expected<std::vector<CublasLtProduct::Algorithm>>
CublasLtProduct::algorithms(int most) const {
  cublasLtMatmulPreference_t raw = nullptr;
  FABRIC_RETURN_IF_ERROR(lt.check(lt.cublasLtMatmulPreferenceCreate(&raw),
                                  "cublasLtMatmulPreferenceCreate"));
  Owned<cublasLtMatmulPreference_t> preference(
      raw, lt.cublasLtMatmulPreferenceDestroy);
  auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute,
                    auto value) {
    return lt.check(lt.cublasLtMatmulPreferenceSetAttribute(
                        raw, attribute, &value, sizeof(value)),
                    "cublasLtMatmulPreferenceSetAttribute");
  };
  FABRIC_RETURN_IF_ERROR(
      prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
             static_cast<uint64_t>(plan::productScratchBytes)));
  FABRIC_RETURN_IF_ERROR(
      prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
             static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)));
  for (auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                         CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                         CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                         CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    FABRIC_RETURN_IF_ERROR(
        prefer(attribute, static_cast<uint32_t>(desc.alignment)));
  std::vector<Algorithm> found(static_cast<size_t>(most));
  int count = 0;
  cublasStatus_t code = lt.cublasLtMatmulAlgoGetHeuristic(
      context->handle.get(), product.get(), b.get(), a.get(), c.get(), c.get(),
      raw, most, found.data(), &count);
  if (code == CUBLAS_STATUS_NOT_SUPPORTED ||
      (code == CUBLAS_STATUS_SUCCESS && count == 0))
    return Status::error("cuBLASLt has no algorithm for this product of ",
                         kernels::describe(desc));
  FABRIC_RETURN_IF_ERROR(lt.check(code, "cublasLtMatmulAlgoGetHeuristic"));
  FABRIC_RETURN_IF_ERROR(
      lt.check(found.front().state, "cublasLtMatmulAlgoGetHeuristic"));
  found.resize(static_cast<size_t>(count));
  std::erase_if(found, [](const Algorithm &one) {
    return one.state != CUBLAS_STATUS_SUCCESS;
  });
  return found;
}

Expected<CublasLtProduct::Algorithm>
CublasLtProduct::check(const cublasLtMatmulAlgo_t &algorithm) const {
  Algorithm checked = {};
  FABRIC_RETURN_IF_ERROR(
      lt.check(lt.cublasLtMatmulAlgoCheck(context->handle.get(), product.get(),
                                          b.get(), a.get(), c.get(), c.get(),
                                          &algorithm, &checked),
               "cublasLtMatmulAlgoCheck"));
  FABRIC_RETURN_IF_ERROR(lt.check(checked.state, "cublasLtMatmulAlgoCheck"));
  checked.algo = algorithm;
  return checked;
}

Status CublasLtProduct::run(const Algorithm &algorithm,
                            const GemmOperands &operands, cudaStream_t stream) {
  if (desc.bias)
    FABRIC_RETURN_IF_ERROR(
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias));
  bool f64 = desc.input == DType::F64;
  const void *ones = f64 ? static_cast<const void *>(&oneF64) : &one;
  const void *zeros = f64 ? static_cast<const void *>(&zeroF64) : &zero;
  return lt.check(lt.cublasLtMatmul(context->handle.get(), product.get(), ones,
                                    operands.b, b.get(), operands.a, a.get(),
                                    desc.accumulate ? ones : zeros, operands.c,
                                    c.get(), operands.c, c.get(),
                                    &algorithm.algo, operands.scratch,
                                    algorithm.workspaceSize, stream),
                  "cublasLtMatmul");
}

} // namespace fabric::kernels
