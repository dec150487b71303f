//===- OpenBlasGemm.cpp - f64 products ------------------------------------===//
//
// oneDNN has no f64 products on the CPU. f64 exists for checks: one thread a
// rank, a call a matrix of the batch.
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/GemmBackends.h"

#include <algorithm>
#include <cblas.h>
#include <limits>

namespace fabric::kernels {
namespace {

class OpenBlasGemm final : public Gemm {
public:
  explicit OpenBlasGemm(const GemmDesc &desc) : desc(desc) {}

  Status run(const void *a, const void *b, const void *bias, void *c,
             void *) override {
    for (int64_t i = 0; i < desc.batch; ++i)
      runOne(static_cast<const double *>(a) + i * desc.a.batchStride,
             static_cast<const double *>(b) + i * desc.b.batchStride,
             static_cast<const double *>(bias),
             static_cast<double *>(c) + i * desc.c.batchStride);
    return Status::success();
  }

private:
  void runOne(const double *a, const double *b, const double *bias,
              double *c) const {
    if (desc.bias)
      for (int64_t row = 0; row < desc.m; ++row) {
        double *target = c + row * desc.c.leading;
        if (desc.accumulate)
          std::transform(bias, bias + desc.n, target, target, std::plus<>());
        else
          std::copy(bias, bias + desc.n, target);
      }
    auto size = [](int64_t value) { return static_cast<blasint>(value); };
    auto transpose = [](const MatrixLayout &matrix) {
      return matrix.transposed ? CblasTrans : CblasNoTrans;
    };
    cblas_dgemm(CblasRowMajor, transpose(desc.a), transpose(desc.b),
                size(desc.m), size(desc.n), size(desc.k), 1.0, a,
                size(desc.a.leading), b, size(desc.b.leading),
                desc.accumulate || desc.bias ? 1.0 : 0.0, c,
                size(desc.c.leading));
  }

  GemmDesc desc;
};

} // namespace

Expected<std::unique_ptr<Gemm>> createOpenBlasGemm(const GemmDesc &desc) {
  for (int64_t size :
       {desc.m, desc.n, desc.k, desc.a.leading, desc.b.leading, desc.c.leading})
    if (size > std::numeric_limits<blasint>::max())
      return Status::error("a size of ", size, " is more than OpenBLAS counts");
  // Its threads belong to the process, ours to the ranks. Once, and before any
  // product runs.
  static const bool single = (openblas_set_num_threads(1), true);
  (void)single;
  return std::unique_ptr<Gemm>(std::make_unique<OpenBlasGemm>(desc));
}

} // namespace fabric::kernels
