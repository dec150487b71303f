//===- KernelObject.h - From an LLVM module to a shared object --*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELOBJECT_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELOBJECT_H

#include "passes/Lowering/Kernels/KernelTarget.h"
#include "llvm/IR/Module.h"

namespace mlir::lowering {

/// Optimises the module for the machine, all of whose features it may use, and
/// generates code.
llvm::Expected<SmallVector<char>> emitCode(llvm::Module &module,
                                           llvm::TargetMachine &machine,
                                           llvm::CodeGenFileType type);

/// Optimises the module for the target and compiles it to a relocatable object.
llvm::Expected<SmallVector<char>> emitObject(llvm::Module &module,
                                             const ResolvedTarget &target);

/// Links an object to a shared one, by lld.
llvm::Expected<SmallVector<char>> linkSharedObject(ArrayRef<char> object);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELOBJECT_H
