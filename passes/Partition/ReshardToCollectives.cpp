//===- ReshardToCollectives.cpp - Reshards become collectives -------------===//
//
// First every sharding in the module gets its normal spelling, so that two
// types that place a tensor alike are one type and a reshard between them is
// nothing. Then each reshard is replaced by its plan. All stays in global view:
// the steps are identities that later passes may combine.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "passes/Partition/BuildPlan.h"
#include "passes/Partition/Passes.h"
#include "passes/Partition/TypesOnMesh.h"

#define DEBUG_TYPE "dist-reshard-to-collectives"

namespace mlir::partition {
#define GEN_PASS_DEF_RESHARDTOCOLLECTIVESPASS
#include "passes/Partition/Passes.h.inc"
} // namespace mlir::partition

using namespace mlir;
using namespace mlir::partition;

static LogicalResult verifyPrecondition(ModuleOp module, dist::MeshAttr mesh) {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    if (isa<dist::ConstraintOp>(op)) {
      op->emitOpError() << "is left; propagate shardings first";
      return WalkResult::interrupt();
    }
    if (failed(verifyOnMesh(op, op->getOperandTypes(), mesh)) ||
        failed(verifyOnMesh(op, op->getResultTypes(), mesh)))
      return WalkResult::interrupt();
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (function && failed(verifyOnMesh(op, function.getArgumentTypes(), mesh)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Gives every sharding in the module its normal spelling.
static void normaliseTypes(ModuleOp module, const dist::MeshAtoms &atoms) {
  auto normal = [&](Type type) -> Type {
    dist::ShardingAttr sharding = dist::getSharding(type);
    if (!sharding)
      return type;
    return dist::withSharding(cast<RankedTensorType>(type),
                              analysis::normalise(atoms, sharding));
  };
  auto normaliseValues = [&](auto &&values) {
    for (Value value : values)
      value.setType(normal(value.getType()));
  };
  module.walk([&](Operation *op) {
    normaliseValues(op->getResults());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        normaliseValues(block.getArguments());
    if (auto function = dyn_cast<FunctionOpInterface>(op)) {
      SmallVector<Type> arguments =
          llvm::map_to_vector(function.getArgumentTypes(), normal);
      SmallVector<Type> results =
          llvm::map_to_vector(function.getResultTypes(), normal);
      function.setType(function.cloneTypeWith(arguments, results));
    }
  });
}

namespace {
class ReshardToCollectives
    : public partition::impl::ReshardToCollectivesPassBase<
          ReshardToCollectives> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = dist::getMesh(module);
    if (module->hasAttr(dist::DistDialect::kPartitionedAttr)) {
      module.emitError() << "the module is partitioned already";
      return signalPassFailure();
    }
    if (!mesh) {
      module.emitError() << "the module has no mesh";
      return signalPassFailure();
    }
    if (failed(verifyPrecondition(module, mesh)))
      return signalPassFailure();

    analysis::ReshardPlanner planner(mesh);
    normaliseTypes(module, planner.getAtoms());
    module.walk([&](dist::ReshardOp reshard) {
      auto from = cast<RankedTensorType>(reshard.getOperand().getType());
      auto to = cast<RankedTensorType>(reshard.getType());
      OpBuilder builder(reshard);
      Value result = buildPlan(builder, reshard.getLoc(), planner.getAtoms(),
                               planner.getPlan(from, to), reshard.getOperand());
      reshard.replaceAllUsesWith(result);
      reshard.erase();
      ++numReshards;
    });
    Traffic traffic = getTraffic(module, mesh);
    numCollectives += traffic.collectives;
    bytesSent += traffic.bytes;
  }
};
} // namespace
