//===- LayoutSearch.h - Layouts over one mesh axis, by cost -----*- C++ -*-===//
//
// A program as ops that each have a few strategies over one axis of a mesh: in
// which state they need their operands and leave their results. A tensor that
// is left in one state and needed in others costs collectives. Of all ways to
// choose a strategy for every op, the search finds the one of least cost:
// README.md says how. It knows nothing of the IR.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_LAYOUTSEARCH_H
#define FABRIC_PASSES_ANALYSIS_LAYOUTSEARCH_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <tuple>

namespace mlir::analysis {

/// Where a tensor is, over the axis.
class LayoutState {
public:
  /// Dims from here on are never split.
  static constexpr unsigned kMaxDims = 12;

  static LayoutState replicated() { return LayoutState(0); }
  /// Every rank holds a term: the value is their sum.
  static LayoutState partial() { return LayoutState(1); }
  static LayoutState split(unsigned dim) { return LayoutState(2 + dim); }
  static LayoutState fromCode(unsigned code) { return LayoutState(code); }

  bool isPartial() const { return code == 1; }
  bool isSplit() const { return code >= 2; }
  unsigned getDim() const { return code - 2; }
  /// Replicated, partial, split on dim 0, 1, ...: small and dense.
  unsigned getCode() const { return code; }
  bool operator==(LayoutState other) const { return code == other.code; }

private:
  explicit LayoutState(unsigned code) : code(code) {}
  unsigned code;
};

/// A set of ways in which a tensor is needed; one strategy needs an operand in
/// one way, the users of a tensor together in several.
using LayoutNeeds = uint64_t;

constexpr unsigned kLayoutNeedKinds = 2 + LayoutState::kMaxDims;
/// In this state, by whatever collective leads there.
inline LayoutNeeds needs(LayoutState state) {
  return LayoutNeeds(1) << state.getCode();
}
/// Left in this state by the op that makes it: an update in place.
inline LayoutNeeds needsExactly(LayoutState state) {
  return LayoutNeeds(1) << (kLayoutNeedKinds + state.getCode());
}
/// In this state, but not by scattering terms.
inline LayoutNeeds needsUnscattered(LayoutState state) {
  return LayoutNeeds(1) << (2 * kLayoutNeedKinds + state.getCode());
}
/// In any state but partial, which is reduced to all.
inline LayoutNeeds needsReduced() {
  return LayoutNeeds(1) << (3 * kLayoutNeedKinds);
}

/// Compared in this order.
struct LayoutCost {
  /// Of matrix products, a rank.
  int64_t flops = 0;
  /// Bytes a rank of the parameters that count.
  int64_t weightBytes = 0;
  /// 32 times the bytes that a rank sends, and those that it touches.
  int64_t traffic = 0;
  int64_t numCollectives = 0;

  auto asTuple() const {
    return std::tie(flops, weightBytes, traffic, numCollectives);
  }
  bool operator<(const LayoutCost &other) const {
    return asTuple() < other.asTuple();
  }
  bool operator==(const LayoutCost &other) const {
    return asTuple() == other.asTuple();
  }
  bool operator<=(const LayoutCost &other) const { return !(other < *this); }
  LayoutCost &operator+=(const LayoutCost &other);
  LayoutCost &operator-=(const LayoutCost &other);
  friend LayoutCost operator+(LayoutCost a, const LayoutCost &b) {
    return a += b;
  }
  friend LayoutCost operator-(LayoutCost a, const LayoutCost &b) {
    return a -= b;
  }
};

struct LayoutTensor {
  /// Of one rank, were the tensor not split over the axis.
  int64_t bytes = 0;
  /// False: once split it stays where it is. A parameter is never gathered.
  bool movable = true;
};

struct LayoutStrategy {
  /// One need an operand, one state a result.
  SmallVector<LayoutNeeds, 4> needs;
  SmallVector<LayoutState, 2> results;
  /// Of the op itself, without what its tensors send.
  LayoutCost cost;
  /// Of collectives inside of the op, which `cost` counts as well.
  int64_t sentBytes = 0;
};

/// Has a strategy. Ops without operands stand for parameters.
struct LayoutOp {
  SmallVector<unsigned, 4> operands;
  SmallVector<unsigned, 2> results;
  SmallVector<LayoutStrategy, 4> strategies;
};

/// Every tensor is the result of one op. Ops stand in the order in which they
/// are searched, which may be any: the fewer tensors have users or makers on
/// both sides of a place in it, the cheaper the search.
struct LayoutGraph {
  int64_t axisSize = 1;
  SmallVector<LayoutTensor, 0> tensors;
  SmallVector<LayoutOp, 0> ops;
};

struct LayoutTotals {
  LayoutCost cost;
  int64_t sentBytes = 0;
};

struct LayoutPlan {
  /// The index of one strategy an op.
  SmallVector<unsigned, 0> strategies;
  LayoutTotals totals;
  /// Pairs of a partial plan and a strategy that were looked at.
  int64_t numTransitions = 0;
  /// Most partial plans that had to be kept at once.
  size_t numKept = 0;
  /// Whether some were given up because there were more than `beam`.
  bool isCut = false;
};

/// Why there is no plan: a tensor between two ops, of whose strategies nothing
/// is left that agrees about it.
struct LayoutConflict {
  unsigned maker = 0, user = 0, tensor = 0;
  /// The states in which it may be left, and the ways in which it may be
  /// needed.
  LayoutNeeds left = 0, needed = 0;
};

/// What one tensor sends, given how it is left and all ways in which it is
/// needed; nothing if that is impossible.
struct LayoutCharge {
  int64_t sentBytes = 0;
  int64_t numCollectives = 0;

  LayoutCost toCost() const { return {0, 0, 32 * sentBytes, numCollectives}; }
};
std::optional<LayoutCharge> chargeTensor(int64_t axisSize,
                                         const LayoutTensor &tensor,
                                         LayoutState left, LayoutNeeds needs);

/// Of the ways in which it is needed, the states that collectives must lead to:
/// a smaller set that costs the same whatever else is needed. Nothing if that
/// is impossible.
std::optional<LayoutNeeds> getMoves(const LayoutTensor &tensor,
                                    LayoutState left, LayoutNeeds needs);

/// The cost of a choice of strategies; nothing if it is impossible.
std::optional<LayoutTotals> evaluateLayouts(const LayoutGraph &graph,
                                            ArrayRef<unsigned> strategies);

/// The choice of least cost; of several, always the same. Exact unless more
/// than `beam` partial plans compete; then one of those that are kept can be
/// completed. Nothing only if no choice is possible; the conflict, if it is
/// asked for, says why.
std::optional<LayoutPlan> searchLayouts(const LayoutGraph &graph,
                                        size_t beam = 256,
                                        LayoutConflict *conflict = nullptr);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_LAYOUTSEARCH_H
