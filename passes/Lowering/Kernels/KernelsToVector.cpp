//===- KernelsToVector.cpp - Vectorises the linalg ops of a kernel --------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Lowering/Kernels/NestEmitter.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELSTOVECTORPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

class KernelsToVectorPass
    : public lowering::impl::KernelsToVectorPassBase<KernelsToVectorPass> {
  using KernelsToVectorPassBase::KernelsToVectorPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    bool isStreamed = false;
    for (linalg::LinalgOp op : ops) {
      FailureOr<VectorNest> nest = planVectorNest(op, vectorBits);
      if (failed(nest))
        return signalPassFailure();
      emitVectorNest(*nest);
      isStreamed |= llvm::any_of(
          nest->stores, [](const auto &store) { return store.isStreamed; });
      op.erase();
    }
    // Stores past the caches are not ordered with later ones, by which another
    // thread may be told that the result is there.
    if (isStreamed) {
      OpBuilder builder(getOperation().getBody().back().getTerminator());
      LLVM::FenceOp::create(builder, getOperation().getLoc(),
                            LLVM::AtomicOrdering::seq_cst);
    }
    // Some only gave a loop its size, or said where a box is.
    getOperation().walk([](Operation *op) {
      if (isa<memref::AllocaOp, memref::SubViewOp>(op) && op->use_empty())
        op->erase();
    });
  }
};

} // namespace
