//===- GpuTarget.h - The GPU that kernels are made for ----------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUTARGET_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUTARGET_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::lowering {

/// Fails unless `arch` is a GPU that code can be made for: "sm_80" or newer,
/// without a suffix, for code for "sm_90a" runs on no other GPU.
llvm::Error checkGpuArch(StringRef arch);

/// The code generator of a GPU that passes `checkGpuArch`.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createGpuMachine(StringRef arch);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUTARGET_H
