//===- LayoutChoices.h - Which layouts are possible at all ------*- C++ -*-===//
//
// A choice of strategies is possible if every tensor can be brought from how it
// is left to each way in which it is needed. That is a condition on pairs of a
// maker and a user, so strategies without a counterpart in a neighbour are
// dropped until none is left (arc consistency), and a choice is found by fixing
// op by op, dropping what that rules out, and taking back what leaves an op
// with nothing.
//
// That finds a choice whenever there is one. It may have to try many where ops
// bet on terms or on what is updated in place. But a strategy that needs no
// terms, none that are not scattered, and leaves whole what stays where it is
// goes with all others that are so; those come first. Where every op has one,
// but for updates in place of arguments that are left in one way, nothing is
// ever taken back. Graphs that are made of sharding rules are such.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_LAYOUTCHOICES_H
#define FABRIC_PASSES_ANALYSIS_LAYOUTCHOICES_H

#include "passes/Analysis/LayoutSearch.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::analysis {

struct LayoutChoices {
  /// Of every op, the strategies that are not ruled out: all that any possible
  /// choice takes, and maybe others.
  SmallVector<llvm::SmallBitVector, 0> strategies;
  /// A possible choice.
  SmallVector<unsigned, 0> example;
  /// How often something that was fixed was taken back.
  int64_t numTakenBack = 0;
};

/// Nothing if no choice is possible; then the conflict, if it is asked for, is
/// what ruled out the last.
std::optional<LayoutChoices> findChoices(const LayoutGraph &graph,
                                         LayoutConflict *conflict = nullptr);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_LAYOUTCHOICES_H
