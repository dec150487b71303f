//===- CompileKernels.cpp - Native code for clusters of structured ops ----===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/Lowering/Kernels/KernelObject.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "passes/Lowering/Kernels/KernelsToLLVM.h"
#include "passes/Lowering/Kernels/Passes.h"
#include "llvm/IR/LLVMContext.h"

using namespace mlir;
using namespace mlir::lowering;

void mlir::lowering::registerKernelDialects(DialectRegistry &registry) {
  // What the passes create.
  OpPassManager passes(ModuleOp::getOperationName());
  buildKernelPipeline(passes, {});
  passes.getDependentDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

FailureOr<SmallVector<char>>
mlir::lowering::compileKernels(ModuleOp kernels, const KernelTarget &target) {
  auto fail = [&](llvm::Error error) -> LogicalResult {
    return kernels.emitError() << llvm::toString(std::move(error));
  };
  llvm::Expected<ResolvedTarget> resolved = resolveTarget(target);
  if (!resolved)
    return fail(resolved.takeError());

  MLIRContext *context = kernels.getContext();
  DialectRegistry registry;
  registerKernelDialects(registry);
  context->appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> lowered = kernels.clone();
  PassManager passes(context);
  buildKernelPipeline(passes,
                      {resolved->getVectorBits(), resolved->has("fma")});
  if (failed(passes.run(*lowered)))
    return failure();

  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(*lowered, llvmContext, "kernels");
  if (!module)
    return failure();
  llvm::Expected<SmallVector<char>> object = emitObject(*module, *resolved);
  if (!object)
    return fail(object.takeError());
  llvm::Expected<SmallVector<char>> linked = linkSharedObject(*object);
  if (!linked)
    return fail(linked.takeError());
  return std::move(*linked);
}
