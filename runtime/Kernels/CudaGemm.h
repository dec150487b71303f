//===- CudaGemm.h - Matrix products on a GPU --------------------*- C++ -*-===//
//
// Defined by CublasLtGemm.cpp, in builds with CUDA only.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_CUDAGEMM_H
#define FABRIC_RUNTIME_KERNELS_CUDAGEMM_H

#include "runtime/Device/Stream.h"
#include "runtime/Kernels/Gemm.h"

namespace fabric::kernels {

/// The library that makes products on one device. Thread safe.
class CudaGemms {
public:
  virtual ~CudaGemms() = default;
  /// Prepares a product to run in `stream`, of the device that is current.
  virtual Expected<std::unique_ptr<Gemm>> create(const GemmDesc &desc,
                                                 device::Stream &stream) = 0;
};

/// For the device that is current. Fails where the machine lacks the library.
Expected<std::shared_ptr<CudaGemms>> createCudaGemms();

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_CUDAGEMM_H
