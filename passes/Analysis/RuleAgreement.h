//===- RuleAgreement.h - Does an op agree with its rule? --------*- C++ -*-===//
//
// What must hold of every op before it can be one rank's op on local tensors:
// the dims that share a factor are split alike, what must be whole is whole,
// and partial values are exactly those that the rule allows. An op that passes
// computes, on blocks and terms, blocks and terms of what it computes globally.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_RULEAGREEMENT_H
#define FABRIC_PASSES_ANALYSIS_RULEAGREEMENT_H

#include "dialects/Dist/IR/Axes.h"

namespace mlir::analysis {

/// Splits the atoms of a dim among its factors, major first: a factor gets
/// atoms until it is split completely. Fails where they do not come out even.
FailureOr<SmallVector<dist::AtomList>>
splitAmongFactors(const dist::MeshAtoms &atoms, const dist::ShardingRule &rule,
                  const dist::DimFactors &factors, ArrayRef<unsigned> list);

/// Fails, with an error at `op`, unless the shardings that the types of its
/// operands and results carry agree with its rule. `op` implements
/// ShardingOpInterface, and all its types are tensors with shardings.
LogicalResult verifyAgreesWithRule(const dist::MeshAtoms &atoms, Operation *op);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_RULEAGREEMENT_H
