//===- ChooseFsdpLayouts.h - Where activations move over "dp" ---*- C++ -*-===//
//
// Propagation follows the batch from the inputs, and parameters that are kept
// split. Where the two meet, and wherever else the plan moves a tensor,
// constraints say what it has chosen: how the value is left, and how uses get
// it. Values and uses are named by position, so that a choice found on one copy
// of a function can be written into another.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSEFSDPLAYOUTS_H
#define FABRIC_PASSES_SHARDING_CHOOSEFSDPLAYOUTS_H

#include "passes/Sharding/ChooseFsdpGraph.h"

namespace mlir::sharding {

struct FsdpMove {
  /// The op that makes the value, none for arguments; and which result.
  std::optional<unsigned> op;
  unsigned number = 0;
  /// How it is left; null where that is given, or terms.
  dist::ShardingAttr left;
  /// How uses get it: ops and their operands.
  dist::ShardingAttr wanted;
  SmallVector<std::pair<unsigned, unsigned>> uses;
};

/// Numbers the ops of a copy, so that positions can be found after others have
/// been decomposed.
void numberOps(func::FuncOp copy);

/// Of a plan for a numbered copy, all moves between values that were there when
/// it was numbered.
SmallVector<FsdpMove, 0> findMoves(const FsdpProblem &problem,
                                   const analysis::LayoutPlan &plan,
                                   const ShardingTable &table,
                                   const PartialFlow &flow);

/// Leaves constraints for them.
void constrainMoves(func::FuncOp function, ArrayRef<FsdpMove> moves);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSEFSDPLAYOUTS_H
