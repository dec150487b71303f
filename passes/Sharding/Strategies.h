//===- Strategies.h - Ways to split an op over one axis ---------*- C++ -*-===//
//
// What the layout searches over "tp" and over "dp" read off a sharding rule.
// A list of states is that of all tensors of an op, operands before results.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_STRATEGIES_H
#define FABRIC_PASSES_SHARDING_STRATEGIES_H

#include "dialects/Dist/IR/Dist.h"
#include "passes/Analysis/LayoutSearch.h"

namespace mlir::sharding {

using LayoutStates = SmallVector<analysis::LayoutState>;
/// What the other axes leave of a factor.
using FactorSizeFn = llvm::function_ref<int64_t(unsigned factor)>;
/// Whether an operand may come as terms.
using MayBeTermsFn = llvm::function_ref<bool(unsigned operand)>;

/// The factor whose blocks are blocks of the dim.
std::optional<unsigned> getMajorFactor(const dist::DimFactors &dim,
                                       FactorSizeFn getSize);

/// Whether an axis may split the factor, going by its kind and size.
bool canSplit(const dist::Factor &factor, int64_t size, int64_t axisSize);

/// The states if an axis splits the factor; nothing if that is no layout of
/// all tensors. Does not ask whether it may.
std::optional<LayoutStates> splitBy(const dist::ShardingRule &rule,
                                    unsigned factor, FactorSizeFn getSize);

/// For each group of operands that the op is linear in and that may come as
/// terms: the states if these are passed on. All others are replicated.
SmallVector<LayoutStates> passTerms(const dist::ShardingRule &rule,
                                    MayBeTermsFn mayBeTerms);

/// Whether some choice leaves results as terms: what may be split by a factor
/// that is reduced, or passes terms on.
bool canLeaveTerms(const dist::ShardingRule &rule,
                   llvm::function_ref<bool(unsigned factor)> isOffered,
                   MayBeTermsFn mayBeTerms);

/// What an op touches of `local` bytes, the rank's parts of its tensors, which
/// are `global` bytes together: ops that touch less than all say so.
int64_t getBytesTouched(Operation *op, int64_t local, int64_t global);

/// Which tensor cannot be left as it is needed: the value, by the user, which
/// is null where that is no op.
std::string describe(const analysis::LayoutConflict &conflict, Value value,
                     Operation *user);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_STRATEGIES_H
