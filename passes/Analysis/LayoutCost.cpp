//===- LayoutCost.cpp - What a choice of layouts costs --------------------===//

#include "passes/Analysis/LayoutSearch.h"

using namespace mlir;
using namespace mlir::analysis;

LayoutCost &LayoutCost::operator+=(const LayoutCost &other) {
  flops += other.flops;
  weightBytes += other.weightBytes;
  traffic += other.traffic;
  numCollectives += other.numCollectives;
  return *this;
}

LayoutCost &LayoutCost::operator-=(const LayoutCost &other) {
  flops -= other.flops;
  weightBytes -= other.weightBytes;
  traffic -= other.traffic;
  numCollectives -= other.numCollectives;
  return *this;
}

/// The needs of one kind, as plain states.
static LayoutNeeds getKind(LayoutNeeds needs, unsigned kind) {
  LayoutNeeds mask = (LayoutNeeds(1) << kLayoutNeedKinds) - 1;
  return (needs >> (kind * kLayoutNeedKinds)) & mask;
}

static bool isLess(const LayoutCharge &a, const LayoutCharge &b) {
  return std::tie(a.sentBytes, a.numCollectives) <
         std::tie(b.sentBytes, b.numCollectives);
}

std::optional<LayoutNeeds> mlir::analysis::getMoves(const LayoutTensor &tensor,
                                                    LayoutState left,
                                                    LayoutNeeds all) {
  LayoutNeeds moves = getKind(all, 0), exact = getKind(all, 1),
              unscattered = getKind(all, 2);
  if (exact & ~needs(left))
    return std::nullopt;
  if (unscattered && left.isPartial())
    return std::nullopt;
  moves |= unscattered;
  LayoutNeeds whole = needs(LayoutState::replicated());
  if ((all & needsReduced()) && left.isPartial())
    moves |= whole;

  moves &= ~needs(left);
  // No collective makes terms of a value.
  if (moves & needs(LayoutState::partial()))
    return std::nullopt;
  // Slicing is free, also after a gather.
  if (left == LayoutState::replicated())
    return LayoutNeeds(0);
  if (moves && left.isSplit() && !tensor.movable)
    return std::nullopt;
  return moves & whole ? whole : moves;
}

std::optional<LayoutCharge>
mlir::analysis::chargeTensor(int64_t axisSize, const LayoutTensor &tensor,
                             LayoutState left, LayoutNeeds all) {
  std::optional<LayoutNeeds> moves = getMoves(tensor, left, all);
  if (!moves)
    return std::nullopt;
  if (*moves == 0)
    return LayoutCharge{};
  int64_t part = tensor.bytes * (axisSize - 1) / axisSize;
  // To all ranks: an all-gather, or an all-reduce.
  LayoutCharge whole{part, 1};
  if (left.isPartial())
    whole.sentBytes = 2 * tensor.bytes * (axisSize - 1) / axisSize;
  if (*moves == needs(LayoutState::replicated()))
    return whole;
  // To blocks: exchanges, of which the first of a partial value is a
  // reduce-scatter.
  int64_t exchange = tensor.bytes / axisSize * (axisSize - 1) / axisSize;
  int64_t numSplits = llvm::popcount(*moves);
  LayoutCharge blocks{numSplits * exchange, numSplits};
  if (left.isPartial())
    blocks.sentBytes += part - exchange;
  return isLess(whole, blocks) ? whole : blocks;
}

std::optional<LayoutTotals>
mlir::analysis::evaluateLayouts(const LayoutGraph &graph,
                                ArrayRef<unsigned> strategies) {
  LayoutTotals totals;
  SmallVector<LayoutNeeds> needed(graph.tensors.size());
  SmallVector<LayoutState> left(graph.tensors.size(),
                                LayoutState::replicated());
  for (auto [op, index] : llvm::zip_equal(graph.ops, strategies)) {
    const LayoutStrategy &strategy = op.strategies[index];
    for (auto [tensor, need] : llvm::zip_equal(op.operands, strategy.needs))
      needed[tensor] |= need;
    for (auto [tensor, state] : llvm::zip_equal(op.results, strategy.results))
      left[tensor] = state;
    totals.cost += strategy.cost;
    totals.sentBytes += strategy.sentBytes;
  }
  for (auto [tensor, state, need] :
       llvm::zip_equal(graph.tensors, left, needed)) {
    std::optional<LayoutCharge> charge =
        chargeTensor(graph.axisSize, tensor, state, need);
    if (!charge)
      return std::nullopt;
    totals.cost += charge->toCost();
    totals.sentBytes += charge->sentBytes;
  }
  return totals;
}
