//===- VerifyLowered.cpp - What lowering may leave behind -----------------===//

#include "dialects/Exec/IR/Exec.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;

namespace mlir::lowering {
#define GEN_PASS_DEF_VERIFYLOWEREDPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

/// L2
static LogicalResult verifyProgram(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError() << "expects one block of instructions";
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa<exec::PlannedOpInterface>(op))
      return op.emitOpError() << "has no instruction that it could become";
  return success();
}

/// L3
static LogicalResult verifyKernels(ModuleOp kernels, func::FuncOp program) {
  llvm::DenseSet<StringAttr> launched;
  program.walk([&](exec::LaunchOp launch) {
    launched.insert(launch.getKernel().getLeafReference());
  });
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    if (!launched.contains(kernel.getSymNameAttr()))
      return kernel.emitOpError() << "is a kernel that nobody launches";
    if (kernel.isExternal()) {
      if (!lookupGpuCode(kernels, kernel.getSymName()))
        return kernel.emitOpError() << "has no code in @" << kDeviceModule;
      continue;
    }
    if (!getBoxCopy(kernel) && failed(getKernelDomain(kernel)))
      return failure();
  }
  return success();
}

namespace {
struct VerifyLoweredPass
    : lowering::impl::VerifyLoweredPassBase<VerifyLoweredPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(verify(getOperation())))
      signalPassFailure();
  }

  static LogicalResult verify(ModuleOp module) {
    if (!module->hasAttr(dist::DistDialect::kPartitionedAttr))
      return module.emitOpError() << "expects a partitioned module";
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    if (functions.size() != 1)
      return module.emitOpError()
             << "expects one function, found " << functions.size();
    if (failed(verifyProgram(functions.front())))
      return failure();
    if (auto kernels =
            module.lookupSymbol<ModuleOp>(exec::ExecDialect::kKernelsModule))
      if (failed(verifyKernels(kernels, functions.front())))
        return failure();
    if (!module->hasAttr(exec::ExecDialect::kArenasAttr))
      return module.emitOpError() << "expects arenas";
    return success();
  }
};
} // namespace
