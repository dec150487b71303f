//===- Placement.cpp - A sharding in atoms --------------------------------===//

#include "passes/Analysis/Placement.h"

using namespace mlir;
using namespace mlir::analysis;

Placement Placement::get(const dist::MeshAtoms &atoms,
                         dist::ShardingAttr sharding) {
  Placement placement;
  for (dist::AxesAttr axes : sharding.getDims())
    placement.dims.push_back(atoms.getAtoms(axes));
  placement.partial = atoms.getAtoms(sharding.getPartial());
  llvm::sort(placement.partial);
  return placement;
}

dist::ShardingAttr Placement::toSharding(const dist::MeshAtoms &atoms,
                                         dist::ReductionKind reduction) const {
  SmallVector<dist::AxesAttr> axes;
  for (const dist::AtomList &dim : dims)
    axes.push_back(atoms.getAxes(dim));
  // One spelling of "not partial", so that equal placements are equal types.
  if (partial.empty())
    reduction = dist::ReductionKind::Sum;
  return dist::ShardingAttr::get(atoms.getMesh().getContext(), atoms.getMesh(),
                                 axes, atoms.getAxes(partial), reduction);
}

dist::ShardingAttr mlir::analysis::normalise(const dist::MeshAtoms &atoms,
                                             dist::ShardingAttr sharding) {
  return Placement::get(atoms, sharding)
      .toSharding(atoms, sharding.getReduction());
}
