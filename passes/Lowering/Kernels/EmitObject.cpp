//===- EmitObject.cpp - Optimises and compiles kernels --------------------===//

#include "passes/Lowering/Kernels/KernelObject.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"

using namespace mlir;
using namespace mlir::lowering;

llvm::Expected<SmallVector<char>>
mlir::lowering::emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                         llvm::CodeGenFileType type) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.setDoesNotThrow();
  }

  // The loops are vectors already.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder passes(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(components);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, components, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);

  llvm::SmallVector<char> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager codegen;
  if (machine.addPassesToEmitFile(codegen, stream, nullptr, type))
    return llvm::createStringError("this LLVM cannot write code for " +
                                   machine.getTargetTriple().str());
  codegen.run(module);
  return code;
}

llvm::Expected<SmallVector<char>>
mlir::lowering::emitObject(llvm::Module &module, const ResolvedTarget &target) {
  auto machine = createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.addFnAttr("tune-cpu", target.tuneCpu);
  return emitCode(module, **machine, llvm::CodeGenFileType::ObjectFile);
}
