//===- Propagate.h - Gives every tensor a sharding --------------*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_PROPAGATE_H
#define FABRIC_PASSES_SHARDING_PROPAGATE_H

#include "passes/Sharding/PartialFlow.h"
#include "passes/Sharding/Propagation.h"

namespace mlir::sharding {

/// Finds the shardings of a function of one block whose arguments have theirs,
/// and hands them to `done`, to be committed or only looked at. Ops are
/// decomposed where they need what is split; returns how many.
FailureOr<unsigned> propagateShardings(
    func::FuncOp function, analysis::ReshardPlanner &planner,
    function_ref<void(ShardingTable &, const PartialFlow &, ArrayRef<Decision>)>
        done);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_PROPAGATE_H
