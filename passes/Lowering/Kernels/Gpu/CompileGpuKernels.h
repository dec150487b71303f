//===- CompileGpuKernels.h - From gpu.func to LLVM --------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_COMPILEGPUKERNELS_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_COMPILEGPUKERNELS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"

namespace mlir::lowering {

/// The passes that take gpu.modules of a module to LLVM's and NVVM's dialects.
void buildGpuKernelPipeline(OpPassManager &passes);

/// As `lower-gpu-kernels-to-nvvm`.
void registerGpuKernelPipeline();

/// What building and compiling kernels needs in a context.
void registerGpuKernelDialects(DialectRegistry &registry);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_COMPILEGPUKERNELS_H
