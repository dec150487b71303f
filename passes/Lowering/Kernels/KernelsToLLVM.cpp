//===- KernelsToLLVM.cpp - From kernels to LLVM's dialect -----------------===//

#include "passes/Lowering/Kernels/KernelsToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELENTRYPOINTSPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

class KernelEntryPointsPass
    : public lowering::impl::KernelEntryPointsPassBase<KernelEntryPointsPass> {
  void runOnOperation() override {
    SmallVector<LLVM::LLVMFuncOp> functions;
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal())
        functions.push_back(function);
    for (LLVM::LLVMFuncOp function : functions)
      addEntryPoint(function);
  }

  void addEntryPoint(LLVM::LLVMFuncOp function) {
    OpBuilder builder(function);
    Location loc = function.getLoc();
    std::string name = function.getSymName().str();
    function.setSymName(name + ".body");
    function.setLinkage(LLVM::Linkage::Internal);
    function.setAlwaysInline(true);

    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    auto entry = LLVM::LLVMFuncOp::create(
        builder, loc, name,
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()),
                                    pointer));
    Block *block = entry.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    SmallVector<Value> buffers;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      Value place =
          LLVM::GEPOp::create(builder, loc, pointer, pointer,
                              block->getArgument(0), ArrayRef<LLVM::GEPArg>{i});
      buffers.push_back(LLVM::LoadOp::create(builder, loc, pointer, place));
    }
    LLVM::CallOp::create(builder, loc, function, buffers);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
  }
};

} // namespace

void mlir::lowering::buildKernelPipeline(OpPassManager &passes,
                                         const KernelPipelineOptions &options) {
  OpPassManager &kernels = passes.nest<func::FuncOp>();
  kernels.addPass(createKernelsToLinalgPass());
  kernels.addPass(createKernelsToVectorPass({options.vectorBits}));
  kernels.addPass(createKernelMathPass({options.fma}));
  // Views become arithmetic before memrefs become pointers.
  kernels.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createSCFToControlFlowPass());
  // Roots are instructions, and LLVM itself calls libm for what it knows; for
  // the rest calls are made here, an element at a time.
  kernels.addPass(createConvertMathToLLVMPass());
  passes.addPass(createConvertMathToLibmPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createArithToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions pointers;
  pointers.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(pointers));
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createKernelEntryPointsPass());
}

void mlir::lowering::registerKernelPipeline() {
  PassPipelineRegistration<>(
      "lower-kernels-to-llvm", "From kernels to LLVM's dialect",
      [](OpPassManager &passes) { buildKernelPipeline(passes, {}); });
}
