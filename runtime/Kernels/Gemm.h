//===- Gemm.h - Matrix products ---------------------------------*- C++ -*-===//
//
// What a backend makes of a plan's gemm instruction: prepared once at load,
// then run every step on any buffers of the same layout.
//
// On the cpu f64 goes to OpenBLAS and all else to oneDNN, on CUDA everything to
// cuBLASLt; which dtypes each of them multiplies says runtime/Plan/Offers.h. 16
// bits are accumulated in f32, and f32 is rounded to TF32 only where asked. The same
// layout, library, processor and number of threads give the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_GEMM_H
#define FABRIC_RUNTIME_KERNELS_GEMM_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <memory>
#include <optional>

namespace fabric::kernels {

using plan::DType;

/// A row-major matrix, or a batch of them, as plan::Matrix lays it out:
/// `leading` elements between stored rows, `batchStride` between matrices (0:
/// one matrix for the whole batch).
struct MatrixLayout {
  bool transposed = false;
  int64_t leading = 0;
  int64_t batchStride = 0;
  bool operator==(const MatrixLayout &) const = default;
};

/// c[i] = op(a[i]) op(b[i]) (+ bias over rows) (+ c[i]), for i < batch.
/// op(a) is m x k, op(b) k x n, c m x n and not transposed.
struct GemmDesc {
  DType input = DType::F32;  ///< Of a and b.
  DType output = DType::F32; ///< Of c.
  std::optional<DType> bias; ///< n elements, if there is one.
  bool accumulate = false;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  MatrixLayout a, b, c;
  /// A power of two that divides every address that run() gets: some libraries
  /// choose by it.
  int64_t alignment = 1;
  /// f32 on a GPU: a and b may be rounded to TF32.
  bool tf32 = false;
  bool operator==(const GemmDesc &) const = default;
};

/// A prepared product. Used by one thread at a time.
class Gemm {
public:
  virtual ~Gemm() = default;

  /// Bytes that run() needs at `scratch`, aligned to 256.
  virtual int64_t scratchBytes() const { return 0; }

  /// `bias` is read only where the layout has one. Allocates nothing. On a GPU
  /// it returns before the product is done: see Device/Stream.h.
  virtual Status run(const void *a, const void *b, const void *bias, void *c,
                     void *scratch) = 0;
};

/// Whether sizes and layouts make sense, on any device.
Status checkGemm(const GemmDesc &desc);

/// Whether the libraries of "cpu" or "cuda" make it.
Status checkOffered(const GemmDesc &desc, std::string_view target);

/// Prepares a product on the cpu for the calling thread, with as many threads
/// as setThreadsOfRank() gave it.
Expected<std::unique_ptr<Gemm>> createGemm(const GemmDesc &desc);

/// How many threads the products of the calling thread may use from now on.
void setThreadsOfRank(int threads);

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_GEMM_H
