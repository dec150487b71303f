//===- CompileGpuKernels.cpp - PTX for kernels ----------------------------===//

#include "passes/Lowering/Kernels/Gpu/CompileGpuKernels.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "passes/Lowering/Kernels/Gpu/GpuTarget.h"
#include "passes/Lowering/Kernels/KernelObject.h"
#include "passes/Lowering/Kernels/Passes.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace mlir::lowering;

void mlir::lowering::registerGpuKernelDialects(DialectRegistry &registry) {
  OpPassManager passes(ModuleOp::getOperationName());
  passes.addPass(createKernelsToGpuPass());
  buildGpuKernelPipeline(passes);
  passes.getDependentDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

void mlir::lowering::buildGpuKernelPipeline(OpPassManager &passes) {
  OpPassManager &module = passes.nest<gpu::GPUModuleOp>();
  OpPassManager &functions = module.nest<gpu::GPUFuncOp>();
  KernelMathPassOptions math;
  math.fma = true;
  math.functions = true;
  functions.addPass(createKernelMathPass(math));
  functions.addPass(createSCFToControlFlowPass());
  module.addPass(createGpuToNVVMPass());
  module.addPass(createReconcileUnrealizedCastsPass());
}

/// LLVM IR for NVPTX, before it is optimised; null, after a diagnostic, where
/// that fails.
static std::unique_ptr<llvm::Module>
translateGpuKernels(gpu::GPUModuleOp kernels, llvm::LLVMContext &llvmContext) {
  MLIRContext *context = kernels.getContext();
  DialectRegistry registry;
  registerGpuKernelDialects(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  OwningOpRef<ModuleOp> lowered = ModuleOp::create(kernels.getLoc());
  auto inner = cast<gpu::GPUModuleOp>(kernels->clone());
  lowered->push_back(inner);
  PassManager passes(context);
  buildGpuKernelPipeline(passes);
  if (failed(passes.run(*lowered)))
    return nullptr;
  // What is translated is a module.
  lowered->getBody()->getOperations().splice(lowered->getBody()->end(),
                                             inner.getBody()->getOperations());
  inner.erase();
  return translateModuleToLLVMIR(*lowered, llvmContext, "kernels");
}

FailureOr<SmallVector<char>>
mlir::lowering::compileGpuKernels(gpu::GPUModuleOp kernels, StringRef arch) {
  auto machine = createGpuMachine(arch);
  if (!machine)
    return kernels.emitError() << llvm::toString(machine.takeError());
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> module =
      translateGpuKernels(kernels, llvmContext);
  if (!module)
    return failure();
  auto text = emitCode(*module, **machine, llvm::CodeGenFileType::AssemblyFile);
  if (!text)
    return kernels.emitError() << llvm::toString(text.takeError());
  return std::move(*text);
}

void mlir::lowering::registerGpuKernelPipeline() {
  PassPipelineRegistration<>(
      "lower-gpu-kernels-to-nvvm", "From gpu.func to LLVM's dialect",
      [](OpPassManager &passes) { buildGpuKernelPipeline(passes); });
}
