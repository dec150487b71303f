//===- CudaStatus.h - CUDA's errors and handles as ours ---------*- C++ -*-===//
//
// Only for the files that CMake builds where the CUDA toolkit is.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_DEVICE_CUDASTATUS_H
#define FABRIC_RUNTIME_DEVICE_CUDASTATUS_H

#include "runtime/Device/Stream.h"
#include "runtime/Support/Status.h"

#include <cuda_runtime_api.h>

namespace fabric::device {

/// The one converter. Takes the error away, so that no later call reports it.
inline Status cudaStatus(cudaError_t code, const char *call) {
  if (code == cudaSuccess)
    return Status::success();
  (void)cudaGetLastError();
  return Status::error("CUDA: ", call, ": ", cudaGetErrorString(code), " (",
                       cudaGetErrorName(code), ")");
}

inline cudaStream_t cudaStreamOf(const Stream &stream) {
  return static_cast<cudaStream_t>(stream.native());
}

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_CUDASTATUS_H
