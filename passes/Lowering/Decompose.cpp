//===- Decompose.cpp - Composite ops to simpler ones ----------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;

namespace mlir::lowering {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

namespace {
struct DecomposePass : lowering::impl::DecomposePassBase<DecomposePass> {
  void runOnOperation() override {
    // Composites may stand for composites.
    IRRewriter rewriter(&getContext());
    bool changed = true;
    while (changed) {
      changed = false;
      SmallVector<dist::ShardingOpInterface> ops;
      getOperation().walk(
          [&](dist::ShardingOpInterface op) { ops.push_back(op); });
      for (dist::ShardingOpInterface op : ops) {
        rewriter.setInsertionPoint(op);
        changed |= succeeded(op.decompose(rewriter));
      }
    }
  }
};
} // namespace
