//===- BuildPlan.cpp - From a plan to collectives, and their cost ---------===//

#include "passes/Partition/BuildPlan.h"

using namespace mlir;
using namespace mlir::analysis;

static Value buildStep(OpBuilder &b, Location loc, const ReshardStep &step,
                       dist::AxesAttr axes, dist::ReductionKind reduction,
                       Value value, RankedTensorType type) {
  switch (step.kind) {
  case StepKind::AllGather:
    return dist::AllGatherOp::create(b, loc, type, value, step.fromDim, axes);
  case StepKind::AllSlice:
    return dist::AllSliceOp::create(b, loc, type, value, step.toDim, axes);
  case StepKind::ReduceScatter:
    return dist::ReduceScatterOp::create(b, loc, type, reduction, value,
                                         step.toDim, axes);
  case StepKind::AllReduce:
    return dist::AllReduceOp::create(b, loc, type, reduction, value, axes);
  case StepKind::AllToAll:
    return dist::AllToAllOp::create(b, loc, type, value, step.toDim,
                                    step.fromDim, axes);
  }
  llvm_unreachable("covered switch");
}

Value mlir::partition::buildPlan(OpBuilder &builder, Location loc,
                                 const dist::MeshAtoms &atoms,
                                 const ReshardPlan &plan, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  dist::ReductionKind reduction = dist::getSharding(type).getReduction();
  Placement placement = Placement::get(atoms, dist::getSharding(type));
  for (const ReshardStep &step : plan.steps) {
    step.apply(placement);
    type = dist::withSharding(type, placement.toSharding(atoms, reduction));
    value = buildStep(builder, loc, step, atoms.getAxes(step.atoms), reduction,
                      value, type);
  }
  return value;
}

int64_t mlir::partition::getBytesSent(dist::CollectiveOpInterface op,
                                      dist::MeshAttr mesh) {
  return op.getBytesSent(op.getCollectiveAxes().getNumParts(mesh));
}

partition::Traffic mlir::partition::getTraffic(Operation *root,
                                               dist::MeshAttr mesh) {
  Traffic traffic;
  root->walk([&](dist::CollectiveOpInterface op) {
    ++traffic.collectives;
    traffic.bytes += getBytesSent(op, mesh);
  });
  return traffic;
}
