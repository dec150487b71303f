//===- KernelsToGpu.cpp - Kernels as functions of a gpu.module ------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELSTOGPUPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

class KernelsToGpuPass
    : public lowering::impl::KernelsToGpuPassBase<KernelsToGpuPass> {
  void runOnOperation() override {
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    auto module = gpu::GPUModuleOp::create(builder, getOperation().getLoc(),
                                           kDeviceModule);
    for (auto kernel :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      SmallVector<int64_t> alignments(kernel.getNumArguments(), 64);
      if (failed(buildGpuKernel(kernel, alignments, module)))
        return signalPassFailure();
      kernel.erase();
    }
  }
};

} // namespace

gpu::GPUFuncOp mlir::lowering::lookupGpuCode(ModuleOp kernels, StringRef name) {
  auto module = kernels.lookupSymbol<gpu::GPUModuleOp>(kDeviceModule);
  return module ? module.lookupSymbol<gpu::GPUFuncOp>(name) : gpu::GPUFuncOp();
}
