//===- BuildPlan.h - From a plan to collectives, and their cost -*- C++ -*-===//

#ifndef FABRIC_PASSES_PARTITION_BUILDPLAN_H
#define FABRIC_PASSES_PARTITION_BUILDPLAN_H

#include "dialects/Dist/IR/Dist.h"
#include "passes/Analysis/ReshardPlanner.h"

namespace mlir::partition {

/// Builds the plan's collectives on `value`, a global-view tensor, and returns
/// the last result. Its sharding is spelled the shortest way.
Value buildPlan(OpBuilder &builder, Location loc, const dist::MeshAtoms &atoms,
                const analysis::ReshardPlan &plan, Value value);

/// How many collectives the op holds, and the bytes that one rank sends in
/// them; slices count, and send nothing.
struct Traffic {
  int64_t collectives = 0;
  int64_t bytes = 0;
};
Traffic getTraffic(Operation *root, dist::MeshAttr mesh);

/// The bytes that one rank sends in this collective.
int64_t getBytesSent(dist::CollectiveOpInterface op, dist::MeshAttr mesh);

} // namespace mlir::partition

#endif // FABRIC_PASSES_PARTITION_BUILDPLAN_H
