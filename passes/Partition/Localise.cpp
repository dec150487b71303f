//===- Localise.cpp - One rank's program ----------------------------------===//
//
// Check every op of every function first. Then, function by function: append a
// local argument for each global one, build the local form of every op in order
// beside it, and drop the global ops and arguments. Both exist side by side for
// a moment, because an op localises itself while its types still say how.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/Dist.h"
#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Analysis/RuleAgreement.h"
#include "passes/Partition/BuildPlan.h"
#include "passes/Partition/Passes.h"
#include "passes/Partition/TypesOnMesh.h"

#define DEBUG_TYPE "dist-localise"

namespace mlir::partition {
#define GEN_PASS_DEF_LOCALISEPASS
#include "passes/Partition/Passes.h.inc"
} // namespace mlir::partition

using namespace mlir;
using namespace mlir::partition;

using dist::DistDialect;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static LogicalResult verifyOp(Operation *op, const dist::MeshAtoms &atoms) {
  if (isa<dist::ReshardOp, dist::ConstraintOp>(op))
    return op->emitOpError() << "cannot be localised; make collectives first";
  if (failed(verifyOnMesh(op, op->getOperandTypes(), atoms.getMesh())) ||
      failed(verifyOnMesh(op, op->getResultTypes(), atoms.getMesh())))
    return failure();
  // The types of a collective say all there is to say, and are verified.
  if (isa<func::ReturnOp, dist::CollectiveOpInterface, dist::AxisIndexOp>(op))
    return success();
  if (!isa<dist::ShardingOpInterface>(op))
    return op->emitOpError()
           << "cannot be partitioned: it has no sharding rule";
  return analysis::verifyAgreesWithRule(atoms, op);
}

static LogicalResult verifyFunction(func::FuncOp function,
                                    const dist::MeshAtoms &atoms) {
  if (failed(verifyOnMesh(function, function.getArgumentTypes(),
                          atoms.getMesh())) ||
      failed(
          verifyOnMesh(function, function.getResultTypes(), atoms.getMesh())))
    return failure();
  auto verifyReduced = [&](TypeRange types, StringRef what) -> LogicalResult {
    for (auto [index, type] : llvm::enumerate(types)) {
      dist::ShardingAttr sharding = dist::getSharding(type);
      if (sharding && sharding.isPartial())
        return function.emitOpError()
               << what << index << " partial over "
               << sharding.getPartial().str() << "; reduce it first";
    }
    return success();
  };
  if (failed(verifyReduced(function.getArgumentTypes(), "takes argument ")) ||
      failed(verifyReduced(function.getResultTypes(), "returns result ")))
    return failure();
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError()
           << "must have one block to be partitioned, found "
           << function.getBody().getBlocks().size();
  for (Operation &op : function.getBody().front())
    if (failed(verifyOp(&op, atoms)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

static Type localType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? Type(dist::getLocalType(tensor)) : type;
}

static FailureOr<SmallVector<Value>> localiseOp(Operation &op, OpBuilder &b,
                                                const IRMapping &local) {
  SmallVector<Value> operands = llvm::map_to_vector(
      op.getOperands(), [&](Value value) { return local.lookup(value); });
  SmallVector<Type> types = llvm::map_to_vector(op.getResultTypes(), localType);
  if (auto sharded = dyn_cast<dist::ShardingOpInterface>(op))
    return sharded.localise(b, operands, types);
  return dist::cloneLocal(&op, b, operands, types);
}

static LogicalResult localiseBody(func::FuncOp function) {
  Block &block = function.getBody().front();
  unsigned numArguments = block.getNumArguments();
  IRMapping local;
  for (unsigned index = 0; index < numArguments; ++index) {
    BlockArgument global = block.getArgument(index);
    local.map(global,
              block.addArgument(localType(global.getType()), global.getLoc()));
  }

  SmallVector<Operation *> globalOps =
      llvm::map_to_vector(block, [](Operation &op) { return &op; });
  OpBuilder builder(&block, block.end());
  for (Operation *op : globalOps) {
    FailureOr<SmallVector<Value>> results = localiseOp(*op, builder, local);
    if (failed(results))
      return op->emitOpError() << "has no local form for these shardings";
    for (auto [global, value] : llvm::zip_equal(op->getResults(), *results)) {
      if (value.getType() != localType(global.getType()))
        return op->emitOpError() << "localises to " << value.getType()
                                 << ", not to " << localType(global.getType());
      local.map(global, value);
    }
  }
  for (Operation *op : llvm::reverse(globalOps))
    op->erase();
  block.eraseArguments(0, numArguments);
  return success();
}

/// The function's type becomes local; how arguments and results are cut from
/// the global tensors stays as an attribute.
static void localiseSignature(func::FuncOp function) {
  auto note = [&](Type type, function_ref<void(Attribute)> set) {
    if (dist::ShardingAttr sharding = dist::getSharding(type))
      set(sharding);
  };
  StringRef name = DistDialect::kShardingAttr;
  dist::InterfaceAttrs attrs(function);
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
    note(type, [&, index = index](Attribute sharding) {
      attrs.setArg(index, name, sharding);
    });
  for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
    note(type, [&, index = index](Attribute sharding) {
      attrs.setResult(index, name, sharding);
    });
  attrs.apply();
  function.setFunctionType(FunctionType::get(
      function.getContext(),
      llvm::map_to_vector(function.getArgumentTypes(), localType),
      llvm::map_to_vector(function.getResultTypes(), localType)));
}

namespace {
class Localise : public partition::impl::LocalisePassBase<Localise> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = dist::getMesh(module);
    if (module->hasAttr(DistDialect::kPartitionedAttr)) {
      module.emitError() << "the module is partitioned already";
      return signalPassFailure();
    }
    if (!mesh) {
      module.emitError() << "the module has no mesh";
      return signalPassFailure();
    }
    dist::MeshAtoms atoms(mesh);
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (failed(verifyFunction(function, atoms)))
        return signalPassFailure();
    for (func::FuncOp function : module.getOps<func::FuncOp>()) {
      if (failed(localiseBody(function)))
        return signalPassFailure();
      localiseSignature(function);
    }
    module->setAttr(DistDialect::kPartitionedAttr,
                    UnitAttr::get(&getContext()));

    Traffic traffic = getTraffic(module, mesh);
    numCollectives += traffic.collectives;
    bytesSent += traffic.bytes;
  }
};
} // namespace
