//===- CudaMoves.h - Copies and reductions on a GPU -------------*- C++ -*-===//
//
// Launchers: each gives one kernel to `stream`, allocates nothing and waits for
// nothing. Only for the files that CMake builds where the CUDA toolkit is.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_CUDAMOVES_H
#define FABRIC_RUNTIME_COMM_CUDAMOVES_H

#include "runtime/Comm/StridedCopy.h"
#include "runtime/Plan/Offers.h"

#include <cuda_runtime_api.h>

namespace fabric::comm {

/// Addresses of a reduction's sources: a parameter of its kernel.
struct CudaSources {
  static constexpr int most = plan::mostCudaSources;
  const std::byte *address[most];
};

/// As comm::copyPart().
cudaError_t launchCopyPart(const std::byte *source, Rows from, int64_t fromAt,
                           std::byte *target, Rows to, int64_t toAt,
                           int64_t bytes, cudaStream_t stream);

/// As Mover::reduceRows(), of `n` sources.
cudaError_t launchReduceRows(DType dtype, Reduction reduction,
                             const CudaSources &sources, int n, Rows from,
                             std::byte *target, cudaStream_t stream);

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_CUDAMOVES_H
