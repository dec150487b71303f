//===- SetMesh.cpp - Gives the module its mesh ----------------------------===//
//
// The mesh is the module's own, else dp=2 tp=2, with sizes overridden by the
// options. Constraints that the model states over its own mesh are restated
// over the new one.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;

namespace mlir::sharding {
#define GEN_PASS_DEF_SETMESHPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

static dist::MeshAttr getDefaultMesh(MLIRContext *context) {
  auto name = [&](StringRef axis) { return StringAttr::get(context, axis); };
  return dist::MeshAttr::get(context, {name(kDataAxis), name(kTensorAxis)},
                             {2, 2});
}

/// Null, with a diagnostic, where the sizes make no mesh.
static dist::MeshAttr
overrideSizes(Location loc, dist::MeshAttr mesh,
              ArrayRef<std::pair<StringRef, int64_t>> overrides) {
  SmallVector<int64_t> sizes(mesh.getSizes());
  for (auto [axis, size] : overrides) {
    if (size == 0)
      continue;
    if (size < 0) {
      emitError(loc) << "option " << axis << " must be positive, found "
                     << size;
      return {};
    }
    if (std::optional<unsigned> index = mesh.lookup(axis)) {
      sizes[*index] = size;
      continue;
    }
    if (size != 1) {
      emitError(loc) << "option " << axis << "=" << size
                     << " names an axis that the module's mesh does not have: "
                     << mesh;
      return {};
    }
  }
  auto fail = [&] { return emitError(loc); };
  return dist::MeshAttr::getChecked(function_ref<InFlightDiagnostic()>(fail),
                                    mesh.getContext(), mesh.getNames(),
                                    ArrayRef<int64_t>(sizes));
}

/// Restates a constraint over `to`.
static LogicalResult moveConstraint(dist::ConstraintOp op, dist::MeshAttr from,
                                    dist::MeshAttr to) {
  dist::ShardingAttr sharding = op.getSharding();
  if (sharding.getMesh() == to)
    return success();
  if (sharding.getMesh() != from)
    return emitError(op.getLoc())
           << "constraint over the mesh " << sharding.getMesh()
           << ", but the module's is " << to;
  auto fail = [&] { return emitError(op.getLoc()) << "constraint: "; };
  auto moved = dist::ShardingAttr::getChecked(
      function_ref<InFlightDiagnostic()>(fail), op.getContext(), to,
      sharding.getDims(), sharding.getPartial(), sharding.getReduction());
  auto type = cast<RankedTensorType>(op.getType());
  if (!moved || failed(moved.verifyEncoding(type.getShape(),
                                            type.getElementType(), fail)))
    return failure();
  op.setShardingAttr(moved);
  return success();
}

namespace {
struct SetMeshPass : public sharding::impl::SetMeshPassBase<SetMeshPass> {
  using SetMeshPassBase::SetMeshPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Location loc = module.getLoc();
    if (module->hasAttr(dist::DistDialect::kPartitionedAttr)) {
      emitError(loc) << "--shard-2d on a module already partitioned: it takes "
                        "a model on global tensors";
      return signalPassFailure();
    }
    dist::MeshAttr own = dist::getMesh(module);
    dist::MeshAttr mesh =
        overrideSizes(loc, own ? own : getDefaultMesh(&getContext()),
                      {{kDataAxis, dp}, {kTensorAxis, tp}});
    if (!mesh)
      return signalPassFailure();
    WalkResult result = module.walk([&](dist::ConstraintOp op) {
      return failed(moveConstraint(op, own, mesh)) ? WalkResult::interrupt()
                                                   : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    module->setAttr(dist::DistDialect::kMeshAttr, mesh);
  }
};
} // namespace
