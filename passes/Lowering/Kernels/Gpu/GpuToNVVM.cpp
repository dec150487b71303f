//===- GpuToNVVM.cpp - From gpu.func to LLVM's and NVVM's dialects --------===//
//
// As MLIR's convert-gpu-to-nvvm, which turns roots and absolute values into
// calls of NVIDIA's library: here they stay the instructions that they are.
//
//===----------------------------------------------------------------------===//

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_GPUTONVVMPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

class GpuToNVVMPass : public lowering::impl::GpuToNVVMPassBase<GpuToNVVMPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // Shuffles of 64 bits are two.
    RewritePatternSet narrowing(context);
    populateGpuRewritePatterns(narrowing);
    if (failed(applyPatternsGreedily(getOperation(), std::move(narrowing))))
      return signalPassFailure();

    LowerToLLVMOptions options(context);
    options.useBarePtrCallConv = true;
    LLVMTypeConverter converter(context, options);
    configureGpuToNVVMTypeConverter(converter);
    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    populateGpuToNVVMConversionPatterns(converter, patterns);
    constexpr unsigned overLibrary = 2;
    populateMathToLLVMConversionPatterns(converter, patterns,
                                         /*approximateLog1p=*/false,
                                         overLibrary);
    LLVMConversionTarget target(*context);
    target.addLegalDialect<NVVM::NVVMDialect>();
    target.addIllegalDialect<gpu::GPUDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
