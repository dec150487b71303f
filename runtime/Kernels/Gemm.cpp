//===- Gemm.cpp - Matrix products: checks, and who does which -------------===//

#include "runtime/Kernels/Gemm.h"
#include "runtime/Kernels/GemmBackends.h"
#include "runtime/Plan/Offers.h"
#include "runtime/Support/Float.h"

#include <algorithm>
#include <cstring>

namespace fabric::kernels {
namespace {

/// A product over nothing (k = 0), or with an empty result: c is the bias, or
/// zero, or stays. Libraries differ on these, so they never see them.
class EmptyGemm final : public Gemm {
public:
  explicit EmptyGemm(const GemmDesc &desc) : desc(desc) {}

  Status run(const void *, const void *, const void *bias, void *c,
             void *) override {
    switch (desc.output) {
    case DType::F32:
      return fill<float>(bias, c);
    case DType::F64:
      return fill<double>(bias, c);
    default:
      return fill<BFloat16>(bias, c);
    }
  }

private:
  double biasAt(const void *bias, int64_t column) const {
    if (!desc.bias)
      return 0.0;
    switch (*desc.bias) {
    case DType::F32:
      return static_cast<const float *>(bias)[column];
    case DType::F64:
      return static_cast<const double *>(bias)[column];
    default:
      return toDouble(static_cast<const BFloat16 *>(bias)[column]);
    }
  }

  template <typename T> Status fill(const void *bias, void *c) const {
    for (int64_t i = 0; i < desc.batch; ++i)
      for (int64_t row = 0; row < desc.m; ++row) {
        T *target =
            static_cast<T *>(c) + i * desc.c.batchStride + row * desc.c.leading;
        for (int64_t column = 0; column < desc.n; ++column) {
          double before = desc.accumulate ? toDouble(target[column]) : 0.0;
          target[column] = convertFloat<T>(before + biasAt(bias, column));
        }
      }
    return Status::success();
  }

  GemmDesc desc;
};

Status checkLayout(const char *name, const MatrixLayout &matrix, int64_t rows,
                   int64_t columns) {
  int64_t stored = matrix.transposed ? rows : columns;
  if (matrix.leading < std::max<int64_t>(stored, 1) || matrix.batchStride < 0)
    return Status::error("matrix ", name, " of ", rows, " x ", columns,
                         " cannot lie ", matrix.leading,
                         " elements from row to row");
  return Status::success();
}

} // namespace

Status checkGemm(const GemmDesc &desc) {
  if (desc.batch < 0 || desc.m < 0 || desc.n < 0 || desc.k < 0)
    return Status::error("a product of ", desc.batch, " x ", desc.m, " x ",
                         desc.n, " x ", desc.k, " has a negative size");
  FABRIC_RETURN_IF_ERROR(checkLayout("a", desc.a, desc.m, desc.k));
  FABRIC_RETURN_IF_ERROR(checkLayout("b", desc.b, desc.k, desc.n));
  FABRIC_RETURN_IF_ERROR(checkLayout("c", desc.c, desc.m, desc.n));
  if (desc.c.transposed)
    return Status::error("the result of a product cannot be transposed");
  return Status::success();
}

Status checkOffered(const GemmDesc &desc, std::string_view target) {
  return plan::checkProduct(
      target, {desc.input, desc.output, desc.bias, desc.tf32,
               std::max({desc.batch, desc.m, desc.n, desc.k, desc.a.leading,
                         desc.b.leading, desc.c.leading})});
}

Expected<std::unique_ptr<Gemm>> createGemm(const GemmDesc &desc) {
  FABRIC_RETURN_IF_ERROR(checkGemm(desc));
  FABRIC_RETURN_IF_ERROR(checkOffered(desc, "cpu"));
  if (desc.batch == 0 || desc.m == 0 || desc.n == 0 || desc.k == 0)
    return std::unique_ptr<Gemm>(std::make_unique<EmptyGemm>(desc));
  return desc.input == DType::F64 ? createOpenBlasGemm(desc)
                                  : createOneDnnGemm(desc);
}

void setThreadsOfRank(int threads) { setOneDnnThreads(std::max(threads, 1)); }

} // namespace fabric::kernels
