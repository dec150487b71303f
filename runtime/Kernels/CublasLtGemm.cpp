//===- CublasLtGemm.cpp - Products on cuBLASLt ----------------------------===//
//
// cuBLASLt counts in columns: a row-major matrix is, to it, the transposed one.
// So c = op(a) op(b) is asked for as c^T = op(b)^T op(a)^T, on the plan's own
// bytes, and the bias, which is added to the rows of c, to the columns of c^T.
//
// The algorithm is the first one of the library's heuristic, which looks at the
// layout only, never at the clock. Sums that are split over blocks are added in
// a fixed order and in the type that they are computed in; TF32 is never used.
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/CudaGemm.h"
#include "runtime/Support/SharedLibrary.h"
#include "runtime/Support/UniqueHandle.h"

#include <cublasLt.h>

#include <algorithm>
#include <string>

namespace fabric::kernels {
namespace {

/// What an algorithm may use beside the operands.
constexpr uint64_t mostScratchBytes = 32 << 20;

/// The library, found when the first product is made: none is linked.
struct CublasLt {
  SharedLibrary library;
#define FABRIC_CUBLASLT_FUNCTIONS(X)                                           \
  X(cublasLtCreate)                                                            \
  X(cublasLtDestroy)                                                           \
  X(cublasLtGetStatusString)                                                   \
  X(cublasLtMatmul)                                                            \
  X(cublasLtMatmulAlgoGetHeuristic)                                            \
  X(cublasLtMatmulDescCreate)                                                  \
  X(cublasLtMatmulDescDestroy)                                                 \
  X(cublasLtMatmulDescSetAttribute)                                            \
  X(cublasLtMatmulPreferenceCreate)                                            \
  X(cublasLtMatmulPreferenceDestroy)                                           \
  X(cublasLtMatmulPreferenceSetAttribute)                                      \
  X(cublasLtMatrixLayoutCreate)                                                \
  X(cublasLtMatrixLayoutDestroy)                                               \
  X(cublasLtMatrixLayoutSetAttribute)
#define FABRIC_DECLARE(name) decltype(&::name) name = nullptr;
  FABRIC_CUBLASLT_FUNCTIONS(FABRIC_DECLARE)
#undef FABRIC_DECLARE

  Status load() {
    std::string file = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    FABRIC_ASSIGN_OR_RETURN(library, SharedLibrary::open(file));
#define FABRIC_FIND(name) FABRIC_RETURN_IF_ERROR(library.find(name, #name));
    FABRIC_CUBLASLT_FUNCTIONS(FABRIC_FIND)
#undef FABRIC_FIND
    return Status::success();
  }
#undef FABRIC_CUBLASLT_FUNCTIONS

  /// The one converter.
  Status check(cublasStatus_t code, const char *call) const {
    if (code == CUBLAS_STATUS_SUCCESS)
      return Status::success();
    return Status::error("cuBLASLt: ", call, ": ",
                         cublasLtGetStatusString(code));
  }
};

/// An object of the library, and the library that takes it back.
template <typename Handle> class Owned {
public:
  using Close = cublasStatus_t (*)(Handle);
  Owned() = default;
  Owned(Handle handle, Close close) : handle(handle), close(close) {}
  Owned(Owned &&other) noexcept
      : handle(std::exchange(other.handle, nullptr)), close(other.close) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(handle, other.handle);
    std::swap(close, other.close);
    return *this;
  }
  ~Owned() {
    if (handle)
      (void)close(handle);
  }
  Handle get() const { return handle; }

private:
  Handle handle = nullptr;
  Close close = nullptr;
};

/// A library and its handle; outlives what is made with it.
struct Context {
  CublasLt lt;
  Owned<cublasLtHandle_t> handle;
};

cudaDataType_t typeOf(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return CUDA_R_64F;
  case DType::BF16:
    return CUDA_R_16BF;
  default:
    return CUDA_R_32F;
  }
}

/// Whether this is one of the rows of Gemm.h's table.
Status checkTypes(const GemmDesc &desc) {
  bool same = desc.input == desc.output &&
              (desc.input == DType::F32 || desc.input == DType::F64);
  bool bf16 = desc.input == DType::BF16 &&
              (desc.output == DType::BF16 || desc.output == DType::F32);
  if ((same || bf16) && desc.bias.value_or(desc.output) == desc.output)
    return Status::success();
  return Status::error("no product of ", plan::toString(desc.input), " x ",
                       plan::toString(desc.input), " -> ",
                       plan::toString(desc.output),
                       desc.bias ? " with a bias of " : "",
                       desc.bias ? plan::toString(*desc.bias) : "", " on cuda");
}

//===----------------------------------------------------------------------===//
// One product
//===----------------------------------------------------------------------===//

class CublasLtGemm final : public Gemm {
public:
  CublasLtGemm(std::shared_ptr<const Context> context, const GemmDesc &desc,
               device::Stream &stream)
      : context(std::move(context)), lt(this->context->lt), desc(desc),
        stream(static_cast<cudaStream_t>(stream.native())) {}

  Status initialize() {
    FABRIC_RETURN_IF_ERROR(describeProduct());
    FABRIC_ASSIGN_OR_RETURN(a, describe(desc.input, desc.m, desc.k, desc.a));
    FABRIC_ASSIGN_OR_RETURN(b, describe(desc.input, desc.k, desc.n, desc.b));
    FABRIC_ASSIGN_OR_RETURN(c, describe(desc.output, desc.m, desc.n, desc.c));
    return chooseAlgorithm();
  }

  int64_t scratchBytes() const override {
    return static_cast<int64_t>(algorithm.workspaceSize);
  }

  Status run(const void *aAddress, const void *bAddress,
             const void *biasAddress, void *cAddress, void *scratch) override {
    if (desc.bias)
      FABRIC_RETURN_IF_ERROR(
          set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, biasAddress));
    const void *one = &ones, *zero = &zeros;
    if (desc.input == DType::F64) {
      one = &onesF64;
      zero = &zerosF64;
    }
    return lt.check(lt.cublasLtMatmul(context->handle.get(), product.get(), one,
                                      bAddress, b.get(), aAddress, a.get(),
                                      desc.accumulate ? one : zero, cAddress,
                                      c.get(), cAddress, c.get(),
                                      &algorithm.algo, scratch,
                                      algorithm.workspaceSize, stream),
                    "cublasLtMatmul");
  }

private:
  using Layout = Owned<cublasLtMatrixLayout_t>;

  template <typename T>
  Status set(cublasLtMatmulDescAttributes_t attribute, const T &value) {
    return lt.check(lt.cublasLtMatmulDescSetAttribute(product.get(), attribute,
                                                      &value, sizeof(value)),
                    "cublasLtMatmulDescSetAttribute");
  }

  Status describeProduct() {
    bool f64 = desc.input == DType::F64;
    cublasLtMatmulDesc_t raw = nullptr;
    FABRIC_RETURN_IF_ERROR(
        lt.check(lt.cublasLtMatmulDescCreate(
                     &raw, f64 ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                     f64 ? CUDA_R_64F : CUDA_R_32F),
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
  Expected<Layout> describe(DType dtype, int64_t rows, int64_t columns,
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
      return lt.check(lt.cublasLtMatrixLayoutSetAttribute(
                          raw, attribute, &value, sizeof(value)),
                      "cublasLtMatrixLayoutSetAttribute");
    };
    if (desc.batch > 1) {
      FABRIC_RETURN_IF_ERROR(setBatch(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                      static_cast<int32_t>(desc.batch)));
      FABRIC_RETURN_IF_ERROR(
          setBatch(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                   static_cast<int64_t>(matrix.batchStride)));
    }
    return layout;
  }

  Status chooseAlgorithm() {
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
        prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, mostScratchBytes));
    FABRIC_RETURN_IF_ERROR(
        prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
               static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)));
    for (auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                           CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                           CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                           CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      FABRIC_RETURN_IF_ERROR(
          prefer(attribute, static_cast<uint32_t>(desc.alignment)));
    int found = 0;
    cublasStatus_t code = lt.cublasLtMatmulAlgoGetHeuristic(
        context->handle.get(), product.get(), b.get(), a.get(), c.get(),
        c.get(), raw, 1, &algorithm, &found);
    if (code == CUBLAS_STATUS_NOT_SUPPORTED ||
        (code == CUBLAS_STATUS_SUCCESS && found == 0))
      return Status::error("cuBLASLt has no algorithm for this product of ",
                           desc.batch, " x ", desc.m, " x ", desc.n, " x ",
                           desc.k, " of ", plan::toString(desc.input));
    FABRIC_RETURN_IF_ERROR(lt.check(code, "cublasLtMatmulAlgoGetHeuristic"));
    return lt.check(algorithm.state, "cublasLtMatmulAlgoGetHeuristic");
  }

  std::shared_ptr<const Context> context;
  const CublasLt &lt;
  const GemmDesc desc;
  cudaStream_t stream;
  Owned<cublasLtMatmulDesc_t> product;
  Layout a, b, c;
  cublasLtMatmulHeuristicResult_t algorithm = {};
  const float ones = 1, zeros = 0;
  const double onesF64 = 1, zerosF64 = 0;
};

class CublasLtGemms final : public CudaGemms {
public:
  explicit CublasLtGemms(std::shared_ptr<const Context> context)
      : context(std::move(context)) {}

  Expected<std::unique_ptr<Gemm>> create(const GemmDesc &desc,
                                         device::Stream &stream) override {
    FABRIC_RETURN_IF_ERROR(checkGemm(desc));
    FABRIC_RETURN_IF_ERROR(checkTypes(desc));
    if (std::min({desc.batch, desc.m, desc.n, desc.k}) == 0)
      return Status::error("a product of ", desc.batch, " x ", desc.m, " x ",
                           desc.n, " x ", desc.k, " is empty");
    auto gemm = std::make_unique<CublasLtGemm>(context, desc, stream);
    FABRIC_RETURN_IF_ERROR(gemm->initialize());
    return std::unique_ptr<Gemm>(std::move(gemm));
  }

private:
  std::shared_ptr<const Context> context;
};

} // namespace

Expected<std::shared_ptr<CudaGemms>> createCudaGemms() {
  auto context = std::make_shared<Context>();
  FABRIC_RETURN_IF_ERROR(context->lt.load());
  cublasLtHandle_t raw = nullptr;
  FABRIC_RETURN_IF_ERROR(
      context->lt.check(context->lt.cublasLtCreate(&raw), "cublasLtCreate"));
  context->handle = {raw, context->lt.cublasLtDestroy};
  return std::shared_ptr<CudaGemms>(std::make_shared<CublasLtGemms>(context));
}

} // namespace fabric::kernels
