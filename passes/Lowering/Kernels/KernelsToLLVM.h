//===- KernelsToLLVM.h - From kernels to LLVM's dialect ---------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H

#include "mlir/Pass/PassManager.h"

namespace mlir::lowering {

/// The passes that take a module of kernels to LLVM's dialect, entry points
/// included.
void buildKernelPipeline(OpPassManager &passes, unsigned vectorBits);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLLVM_H
