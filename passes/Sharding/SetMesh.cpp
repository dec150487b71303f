//===- SetMesh.cpp - Gives the module its mesh ----------------------------===//
//
// The mesh is the module's own, else dp=2 tp=2, with sizes overridden by the
// options. Constraints, and shardings of arguments and results, that the model
// states over its own mesh, or over one without sizes, are restated over the
// new one.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;

namespace mlir::sharding {
#define GEN_PASS_DEF_SETMESHPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

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

namespace {
/// Restates what the model asks for over the module's mesh.
class Restater {
public:
  /// `own` is the mesh that the module had, if any; its sizes may have changed.
  Restater(dist::MeshAttr own, dist::MeshAttr mesh) : own(own), mesh(mesh) {}

  LogicalResult restate(ModuleOp module) const;

private:
  /// Null, with a diagnostic, where the sharding is of another mesh.
  dist::ShardingAttr
  restate(dist::ShardingAttr sharding,
          function_ref<InFlightDiagnostic()> emitError) const;
  LogicalResult restate(func::FuncOp function) const;

  dist::MeshAttr own, mesh;
};
} // namespace

dist::ShardingAttr
Restater::restate(dist::ShardingAttr sharding,
                  function_ref<InFlightDiagnostic()> emitError) const {
  dist::MeshAttr from = sharding.getMesh();
  if (sharding.isPartial()) {
    emitError() << "cannot ask for a partial sharding: " << sharding;
    return {};
  }
  if (from == mesh)
    return sharding;
  if (from.hasSizes() && from != own) {
    emitError() << "over the mesh " << from << ", but the module's is " << mesh;
    return {};
  }
  for (StringAttr name : from.getNames())
    if (!mesh.lookup(name)) {
      emitError() << "names axis " << name
                  << ", which the module's mesh does not have: " << mesh;
      return {};
    }
  return dist::ShardingAttr::getChecked(
      emitError, mesh.getContext(), mesh, sharding.getDims(),
      sharding.getPartial(), sharding.getReduction());
}

LogicalResult Restater::restate(func::FuncOp function) const {
  StringRef name = dist::DistDialect::kShardingAttr;
  dist::InterfaceAttrs attrs(function);
  auto getLoc = [&](unsigned index) {
    return function.isExternal() ? function.getLoc()
                                 : function.getArgument(index).getLoc();
  };
  auto restateAttr = [&](Attribute attr, Location loc, const Twine &what,
                         function_ref<void(Attribute)> set) -> LogicalResult {
    auto sharding = dyn_cast_if_present<dist::ShardingAttr>(attr);
    if (!sharding)
      return success();
    sharding = restate(sharding, [&] {
      return emitError(loc) << "sharding of " << what << ": ";
    });
    if (sharding)
      set(sharding);
    return success(bool(sharding));
  };
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (failed(restateAttr(function.getArgAttr(index, name), getLoc(index),
                           nameArgument(function, index), [&](Attribute attr) {
                             attrs.setArg(index, name, attr);
                           })))
      return failure();
  for (unsigned index = 0; index < function.getNumResults(); ++index)
    if (failed(restateAttr(
            function.getResultAttr(index, name), function.getLoc(),
            nameResult(function, index),
            [&](Attribute attr) { attrs.setResult(index, name, attr); })))
      return failure();
  attrs.apply();
  return success();
}

LogicalResult Restater::restate(ModuleOp module) const {
  WalkResult result = module.walk([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op))
      return WalkResult(restate(function));
    auto constraint = dyn_cast<dist::ConstraintOp>(op);
    if (!constraint)
      return WalkResult::advance();
    dist::ShardingAttr sharding = restate(constraint.getSharding(), [&] {
      return emitError(constraint.getLoc()) << constraint.describe() << ": ";
    });
    if (!sharding)
      return WalkResult::interrupt();
    constraint.setShardingAttr(sharding);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
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
    if (failed(Restater(own, mesh).restate(module)))
      return signalPassFailure();
    module->setAttr(dist::DistDialect::kMeshAttr, mesh);
  }
};
} // namespace
