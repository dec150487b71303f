//===- VerifyPartitioned.cpp - Checks what partition leaves ---------------===//

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "passes/Partition/Passes.h"

#define DEBUG_TYPE "dist-verify-partitioned"

namespace mlir::partition {
#define GEN_PASS_DEF_VERIFYPARTITIONEDPASS
#include "passes/Partition/Passes.h.inc"
} // namespace mlir::partition

using namespace mlir;

using dist::DistDialect;

static LogicalResult verifyValue(FunctionOpInterface function, Twine what,
                                 Type type, Attribute attr,
                                 dist::MeshAttr mesh) {
  if (!isa<RankedTensorType>(type))
    return success();
  auto sharding = dyn_cast_if_present<dist::ShardingAttr>(attr);
  if (!sharding)
    return function.emitOpError()
           << what << " has no " << DistDialect::kShardingAttr;
  if (sharding.getMesh() != mesh)
    return function.emitOpError()
           << what << " is cut over the mesh " << sharding.getMesh()
           << ", but the module's is " << mesh;
  if (sharding.isPartial())
    return function.emitOpError()
           << what << " is partial over " << sharding.getPartial().str();
  return success();
}

static LogicalResult verifyFunction(FunctionOpInterface function,
                                    dist::MeshAttr mesh) {
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(verifyValue(
            function, "argument " + Twine(index), type,
            function.getArgAttr(index, DistDialect::kShardingAttr), mesh)))
      return failure();
  for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(verifyValue(
            function, "result " + Twine(index), type,
            function.getResultAttr(index, DistDialect::kShardingAttr), mesh)))
      return failure();
  return success();
}

static LogicalResult verifyLocal(Operation *op) {
  if (isa<dist::ReshardOp, dist::ConstraintOp>(op))
    return op->emitOpError() << "is left in a partitioned module";
  auto isGlobal = [](Type type) { return bool(dist::getSharding(type)); };
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())}) {
    auto it = llvm::find_if(types, isGlobal);
    if (it != types.end())
      return op->emitOpError()
             << "has a type with a sharding in a partitioned module: " << *it;
  }
  return success();
}

namespace {
class VerifyPartitioned
    : public partition::impl::VerifyPartitionedPassBase<VerifyPartitioned> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = dist::getMesh(module);
    if (!mesh || !module->hasAttr(DistDialect::kPartitionedAttr)) {
      module.emitError() << "expects a module with " << DistDialect::kMeshAttr
                         << " and " << DistDialect::kPartitionedAttr;
      return signalPassFailure();
    }
    WalkResult result = module.walk([&](Operation *op) -> WalkResult {
      if (auto function = dyn_cast<FunctionOpInterface>(op))
        if (failed(verifyFunction(function, mesh)))
          return WalkResult::interrupt();
      return verifyLocal(op);
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
