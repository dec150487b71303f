//===- Placement.h - A sharding in atoms ------------------------*- C++ -*-===//
//
// What algorithms on shardings work on: for every dim its atoms, major first,
// and the set of atoms over which the value is partial. Spellings vanish: two
// shardings place a tensor alike exactly if their placements are equal, and
// axes of size 1 have no atoms at all.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_PLACEMENT_H
#define FABRIC_PASSES_ANALYSIS_PLACEMENT_H

#include "dialects/Dist/IR/Axes.h"

namespace mlir::analysis {

struct Placement {
  /// A list of atoms for each dim, major first.
  SmallVector<dist::AtomList, 4> dims;
  /// Ascending.
  dist::AtomList partial;

  /// Of a sharding of the mesh that `atoms` is made from.
  static Placement get(const dist::MeshAtoms &atoms,
                       dist::ShardingAttr sharding);

  /// The sharding in its shortest spelling.
  dist::ShardingAttr toSharding(const dist::MeshAtoms &atoms,
                                dist::ReductionKind reduction) const;

  bool operator==(const Placement &other) const {
    return dims == other.dims && partial == other.partial;
  }
};

/// The sharding without axes of size 1, neighbours of one axis merged, partial
/// axes in the mesh's order.
dist::ShardingAttr normalise(const dist::MeshAtoms &atoms,
                             dist::ShardingAttr sharding);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_PLACEMENT_H
