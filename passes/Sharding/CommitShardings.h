//===- CommitShardings.h - Writes a sharding table into the IR --*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_COMMITSHARDINGS_H
#define FABRIC_PASSES_SHARDING_COMMITSHARDINGS_H

#include "passes/Analysis/ReshardPlanner.h"
#include "passes/Sharding/PartialFlow.h"

namespace mlir::sharding {

struct CommitResult {
  unsigned numReshards = 0;
  /// That a rank sends for them.
  int64_t numBytes = 0;
};

/// Gives every value its sharding, inserts a reshard where a use wants another,
/// and replaces constraints by what they asked for.
CommitResult commitShardings(func::FuncOp function, ShardingTable &table,
                             const PartialFlow &flow,
                             analysis::ReshardPlanner &planner);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_COMMITSHARDINGS_H
