//===- KernelsToLLVM.h - From kernels to LLVM's dialect ---------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H

#include "mlir/Pass/PassManager.h"

namespace mlir::lowering {

struct KernelPipelineOptions {
  unsigned vectorBits = 512; ///< Width of a vector register.
  bool fma = true;           ///< Whether there are fused multiply-adds.
};

/// The passes that take a module of kernels to LLVM's dialect, entry points
/// included.
void buildKernelPipeline(OpPassManager &passes,
                         const KernelPipelineOptions &options);

/// As `lower-kernels-to-llvm`, with the options' defaults.
void registerKernelPipeline();

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H
