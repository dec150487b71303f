//===- ShardingRule.h - How the dims of an op correspond --------*- C++ -*-===//
//
// One rule per op drives propagation, reshard planning, partitioning and cost.
// It maps the dims of operands and results to shared, sized factors, as an
// einsum does (and as Shardy's op sharding rules do): `linear` is
// (m k, n k) -> (m n) with k reduced by sum. Axes are assigned to factors; the
// shardings of all operands and results follow.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_DIST_SHARDINGRULE_H
#define FABRIC_DIALECTS_DIST_SHARDINGRULE_H

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::dist {

enum class ReductionKind : uint32_t;

/// A dim, or a part of one, that operands and results share.
struct Factor {
  enum class Kind {
    Parallel,  ///< Splitting it splits the work; blocks are independent.
    Reduction, ///< Splitting it makes the results terms of a reduction.
    Whole,     ///< The op needs it whole on every rank.
  };
  int64_t size = 1;
  Kind kind = Kind::Parallel;
  /// How results combine where `kind` is Reduction.
  ReductionKind reduction = ReductionKind(0);
};

/// The factors that make up one dim, major first: their sizes multiply to the
/// dim. Where there are several, a factor may be split only if all factors
/// before it are split completely: else the blocks would not be contiguous.
using DimFactors = SmallVector<unsigned, 1>;
using TensorFactors = SmallVector<DimFactors, 4>;

struct ShardingRule {
  SmallVector<Factor> factors;
  SmallVector<TensorFactors> operands;
  SmallVector<TensorFactors> results;

  /// Groups of operands in which the op is jointly linear while the others are
  /// held fixed: {{0, 1}} for add, {{0}, {1}} for mul and linear, {} for silu.
  /// If exactly the operands of one group are partial sums over an axis, and no
  /// factor is split by it, the results are partial sums over it.
  SmallVector<SmallVector<unsigned>> linearGroups;

  /// The rule of an op given as a loop nest: one factor an iterator. Maps are
  /// projected permutations, of the operands and then of the results.
  static ShardingRule fromLoops(ArrayRef<utils::IteratorType> iterators,
                                ArrayRef<int64_t> sizes,
                                ArrayRef<AffineMap> maps, unsigned numOperands);

  /// The rule of a row-major reshape: the coarsest common refinement of both
  /// shapes; what has none is whole.
  static ShardingRule forReshape(ArrayRef<int64_t> from, ArrayRef<int64_t> to);
};

} // namespace mlir::dist

#endif // FABRIC_DIALECTS_DIST_SHARDINGRULE_H
