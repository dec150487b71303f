//===- ReshardPlanner.h - The cheapest way between two shardings -*- C++ -*-==//
//
// A reshard is a shortest path. Nodes are the placements of one tensor, edges
// the collectives, and an edge is as long as the bytes that one rank sends;
// among paths of equal bytes the one of fewest collectives wins. Collectives
// act on the minor end of a dim's list of atoms, on one or several atoms at
// once: blocks are contiguous, so an axis can be gathered only after those
// minor to it.
//
// Only axes that source or target name take part. A detour over a third axis
// (slice by it, reduce, gather) can save bytes where more than two ranks
// reduce, and pays for that with two more collectives among ranks that have
// nothing to do with the reshard; README.md says more.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_RESHARDPLANNER_H
#define FABRIC_PASSES_ANALYSIS_RESHARDPLANNER_H

#include "passes/Analysis/Placement.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::analysis {

enum class StepKind {
  AllGather,     ///< takes `atoms` from the end of `fromDim`
  AllSlice,      ///< appends `atoms` to `toDim`
  ReduceScatter, ///< takes `atoms` from the partial ones, appends to `toDim`
  AllReduce,     ///< takes `atoms` from the partial ones
  AllToAll, ///< takes `atoms` from the end of `fromDim`, appends to `toDim`
};

struct ReshardStep {
  StepKind kind;
  unsigned fromDim = 0;
  unsigned toDim = 0;
  dist::AtomList atoms;
  /// What one rank sends, as CollectiveOpInterface::getBytesSent counts it.
  int64_t bytes = 0;

  /// Moves the atoms.
  void apply(Placement &placement) const;
};

struct ReshardPlan {
  SmallVector<ReshardStep> steps;
  int64_t bytes = 0;

  bool isCheaperThan(int64_t otherBytes, size_t otherSteps) const {
    return std::make_pair(bytes, steps.size()) <
           std::make_pair(otherBytes, otherSteps);
  }
};

class ReshardPlanner {
public:
  explicit ReshardPlanner(dist::MeshAttr mesh) : atoms(mesh) {}

  const dist::MeshAtoms &getAtoms() const { return atoms; }

  /// The cheapest plan for a tensor of this global shape and element size in
  /// bytes. Both placements divide the shape, and the target is partial over
  /// atoms of the source's partial ones only. Always the same plan for the
  /// same question; the reference lives as long as the planner.
  const ReshardPlan &getPlan(ArrayRef<int64_t> shape, int64_t elementBytes,
                             const Placement &from, const Placement &to);

  /// The same for two global-view types of one mesh, shape and element type.
  const ReshardPlan &getPlan(RankedTensorType from, RankedTensorType to);

private:
  dist::MeshAtoms atoms;
  llvm::StringMap<ReshardPlan> plans;
};

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_RESHARDPLANNER_H
