//===- FakeCublasLt.cpp - A cuBLASLt that computes on the host ------------===//
//
// A libcublasLt.so for tests without a GPU: what its documentation says of
// column-major matrices, in plain loops. It has three algorithms, which differ
// in the workspace that they want: 1, 2 and 3 times 1024 bytes.
//
//===----------------------------------------------------------------------===//

#include "runtime/Support/Float.h"

#include <cublasLt.h>

#include <cstring>
#include <vector>

using namespace fabric;

namespace {

struct Layout {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t leading;
  int32_t batch = 1;
  int64_t stride = 0;
};

struct Product {
  cublasComputeType_t compute;
  cudaDataType scale;
  int32_t transposeA = CUBLAS_OP_N, transposeB = CUBLAS_OP_N;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void *bias = nullptr;
  int32_t biasType = -1;
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
};

constexpr int numAlgorithms = 3;
/// Of algorithm 1; of the others, times their numbers.
constexpr size_t workspaceBytes = 1024;

template <typename Fake, typename Handle> Fake &of(Handle handle) {
  return *reinterpret_cast<Fake *>(handle);
}
template <typename Fake, typename Handle>
cublasStatus_t give(Fake *made, Handle *handle) {
  *handle = reinterpret_cast<Handle>(made);
  return CUBLAS_STATUS_SUCCESS;
}
template <typename T>
cublasStatus_t setTo(T &target, const void *value, size_t bytes) {
  if (bytes != sizeof(T))
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&target, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

template <typename T> T load(const void *base, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const std::byte *>(base) + index * sizeof(T),
              sizeof(T));
  return value;
}
double read(cudaDataType type, const void *base, int64_t index) {
  switch (type) {
  case CUDA_R_64F:
    return load<double>(base, index);
  case CUDA_R_16BF:
    return toDouble(load<BFloat16>(base, index));
  case CUDA_R_16F:
    return toDouble(load<Float16>(base, index));
  default:
    return load<float>(base, index);
  }
}
template <typename T> void store(void *base, int64_t index, T value) {
  std::memcpy(static_cast<std::byte *>(base) + index * sizeof(T), &value,
              sizeof(T));
}
void write(cudaDataType type, void *base, int64_t index, double value) {
  switch (type) {
  case CUDA_R_64F:
    return store(base, index, value);
  case CUDA_R_16BF:
    return store(base, index, convertFloat<BFloat16>(value));
  case CUDA_R_16F:
    return store(base, index, convertFloat<Float16>(value));
  default:
    return store(base, index, static_cast<float>(value));
  }
}

/// The upper 10 bits of the mantissa.
double toTf32(double value) {
  auto single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof(bits));
  bits = (bits + 0x1000) & ~uint32_t(0x1fff);
  std::memcpy(&single, &bits, sizeof(bits));
  return single;
}

/// Column major: element (i, j) of op(matrix).
double element(const Layout &layout, const void *base, bool transposed,
               int64_t batch, int64_t i, int64_t j) {
  if (transposed)
    std::swap(i, j);
  return read(layout.type, base,
              batch * layout.stride + i + j * layout.leading);
}

bool isKnown(const cublasLtMatmulAlgo_t &algorithm) {
  return algorithm.data[0] >= 1 && algorithm.data[0] <= numAlgorithms;
}

} // namespace

extern "C" {

size_t cublasLtGetVersion(void) { return 130001; }
const char *cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported"
                                               : "invalid value";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  return give(new int(0), handle);
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete &of<int>(handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout,
                                          cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t leading) {
  if (leading < static_cast<int64_t>(rows))
    return CUBLAS_STATUS_INVALID_VALUE;
  return give(new Layout{type, rows, columns, leading}, layout);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete &of<Layout>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t
cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                 cublasLtMatrixLayoutAttribute_t attribute,
                                 const void *value, size_t bytes) {
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
    return setTo(of<Layout>(layout).batch, value, bytes);
  if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)
    return setTo(of<Layout>(layout).stride, value, bytes);
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *product,
                                        cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return give(new Product{compute, scale}, product);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
  delete &of<Product>(product);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t
cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                               cublasLtMatmulDescAttributes_t attribute,
                               const void *value, size_t bytes) {
  auto &product = of<Product>(handle);
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_TRANSA:
    return setTo(product.transposeA, value, bytes);
  case CUBLASLT_MATMUL_DESC_TRANSB:
    return setTo(product.transposeB, value, bytes);
  case CUBLASLT_MATMUL_DESC_EPILOGUE:
    return setTo(product.epilogue, value, bytes);
  case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
    return setTo(product.bias, value, bytes);
  case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
    return setTo(product.biasType, value, bytes);
  default:
    return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t
cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  return give(new Preference, preference);
}
cublasStatus_t
cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete &of<Preference>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t handle,
    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
    size_t bytes) {
  auto &preference = of<Preference>(handle);
  uint32_t alignment = 0;
  switch (attribute) {
  case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
    return setTo(preference.workspace, value, bytes);
  case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
    return setTo(preference.reductions, value, bytes);
  default:
    return setTo(alignment, value, bytes);
  }
}

/// Sums only in the type that they are computed in, or nothing.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatmulPreference_t handle, int most,
    cublasLtMatmulHeuristicResult_t results[], int *count) {
  auto &preference = of<Preference>(handle);
  *count = 0;
  if (preference.workspace < workspaceBytes ||
      preference.reductions != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  for (; *count < most && *count < numAlgorithms; ++*count) {
    results[*count] = {};
    results[*count].algo.data[0] = static_cast<uint64_t>(*count) + 1;
    results[*count].workspaceSize =
        workspaceBytes * results[*count].algo.data[0];
    results[*count].state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t,
                        cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                        cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                        const cublasLtMatmulAlgo_t *algorithm,
                        cublasLtMatmulHeuristicResult_t *result) {
  *result = {};
  if (!isKnown(*algorithm))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  result->workspaceSize = workspaceBytes * algorithm->data[0];
  result->state = CUBLAS_STATUS_SUCCESS;
  return CUBLAS_STATUS_SUCCESS;
}

/// D = alpha op(A) op(B) + beta C, and a bias for every row of D.
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t handle,
                              const void *alpha, const void *a,
                              cublasLtMatrixLayout_t aHandle, const void *b,
                              cublasLtMatrixLayout_t bHandle, const void *beta,
                              const void *c, cublasLtMatrixLayout_t cHandle,
                              void *d, cublasLtMatrixLayout_t dHandle,
                              const cublasLtMatmulAlgo_t *algorithm,
                              void *workspace, size_t bytes, cudaStream_t) {
  auto &product = of<Product>(handle);
  auto &aLayout = of<Layout>(aHandle), &bLayout = of<Layout>(bHandle);
  auto &cLayout = of<Layout>(cHandle), &dLayout = of<Layout>(dHandle);
  bool aTransposed = product.transposeA == CUBLAS_OP_T;
  bool bTransposed = product.transposeB == CUBLAS_OP_T;
  uint64_t depth = aTransposed ? aLayout.rows : aLayout.columns;
  uint64_t aRows = aTransposed ? aLayout.columns : aLayout.rows;
  uint64_t bColumns = bTransposed ? bLayout.rows : bLayout.columns;
  bool fits = aRows == dLayout.rows && bColumns == dLayout.columns &&
              (bTransposed ? bLayout.columns : bLayout.rows) == depth;
  if (!fits || !isKnown(*algorithm) ||
      bytes != workspaceBytes * algorithm->data[0])
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memset(workspace, 0xff, bytes);
  bool rounds = product.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  auto operand = [&](const Layout &layout, const void *base, bool transposed,
                     int64_t batch, int64_t i, int64_t j) {
    double value = element(layout, base, transposed, batch, i, j);
    return rounds ? toTf32(value) : value;
  };
  for (int64_t batch = 0; batch < dLayout.batch; ++batch)
    for (int64_t j = 0; j < static_cast<int64_t>(dLayout.columns); ++j)
      for (int64_t i = 0; i < static_cast<int64_t>(dLayout.rows); ++i) {
        double sum = 0;
        for (int64_t k = 0; k < static_cast<int64_t>(depth); ++k)
          sum += operand(aLayout, a, aTransposed, batch, i, k) *
                 operand(bLayout, b, bTransposed, batch, k, j);
        sum *= read(product.scale, alpha, 0);
        if (double factor = read(product.scale, beta, 0); factor != 0)
          sum += factor * element(cLayout, c, false, batch, i, j);
        if (product.epilogue == CUBLASLT_EPILOGUE_BIAS)
          sum += read(static_cast<cudaDataType>(product.biasType), product.bias,
                      i);
        write(dLayout.type, d, batch * dLayout.stride + i + j * dLayout.leading,
              sum);
      }
  return CUBLAS_STATUS_SUCCESS;
}

} // extern "C"
