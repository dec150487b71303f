//===- CudaGemm.h - Matrix products on a GPU --------------------*- C++ -*-===//
//
// Defined by CublasLtGemm.cpp, in builds with CUDA only.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_CUDAGEMM_H
#define FABRIC_RUNTIME_KERNELS_CUDAGEMM_H

#include "runtime/Device/Stream.h"
#include "runtime/Kernels/GemmChoices.h"

namespace fabric::kernels {

/// Addresses of one product; `bias` is read only where it has one.
struct GemmOperands {
  const void *a, *b, *bias;
  void *c, *scratch;
};

/// The library that makes products on one device, which is current when a
/// function is called. Used under a lock.
class CudaGemms {
public:
  virtual ~CudaGemms() = default;
  /// With its version, as GemmMachine has it.
  virtual std::string library() const = 0;

  /// What create() chooses by from here on, in place of the heuristic.
  virtual void use(std::shared_ptr<const GemmChoices> choices) = 0;

  /// Prepares a product to run in `stream`.
  virtual Expected<std::unique_ptr<Gemm>> create(const GemmDesc &desc,
                                                 device::Stream &stream) = 0;

  /// Times the product's algorithms on these operands, which it overwrites.
  virtual Expected<GemmChoice> search(const GemmDesc &desc,
                                      const GemmOperands &operands,
                                      device::Stream &stream) = 0;
};

/// For the device that is current. Fails where the machine lacks the library.
Expected<std::shared_ptr<CudaGemms>> createCudaGemms();

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_CUDAGEMM_H
