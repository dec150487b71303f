//===- TpSearchCost.cpp - What a choice of layouts costs ------------------===//

#include "passes/Analysis/TpSearch.h"

using namespace mlir;
using namespace mlir::analysis;

TpCost &TpCost::operator+=(const TpCost &other) {
  flops += other.flops;
  weightBytes += other.weightBytes;
  traffic += other.traffic;
  numCollectives += other.numCollectives;
  return *this;
}

TpCost &TpCost::operator-=(const TpCost &other) {
  flops -= other.flops;
  weightBytes -= other.weightBytes;
  traffic -= other.traffic;
  numCollectives -= other.numCollectives;
  return *this;
}

/// The needs of one kind, as plain states.
static TpNeeds getKind(TpNeeds needs, unsigned kind) {
  TpNeeds mask = (TpNeeds(1) << kTpNeedKinds) - 1;
  return (needs >> (kind * kTpNeedKinds)) & mask;
}

static bool isLess(const TpCharge &a, const TpCharge &b) {
  return std::tie(a.sentBytes, a.numCollectives) <
         std::tie(b.sentBytes, b.numCollectives);
}

std::optional<TpNeeds> mlir::analysis::getMoves(const TpTensor &tensor,
                                                TpState left, TpNeeds all) {
  TpNeeds moves = getKind(all, 0), exact = getKind(all, 1),
          unscattered = getKind(all, 2);
  if (exact & ~needs(left))
    return std::nullopt;
  if (unscattered && left.isPartial())
    return std::nullopt;
  moves |= unscattered;
  TpNeeds whole = needs(TpState::replicated());
  if ((all & needsReduced()) && left.isPartial())
    moves |= whole;

  moves &= ~needs(left);
  // No collective makes terms of a value.
  if (moves & needs(TpState::partial()))
    return std::nullopt;
  // Slicing is free, also after a gather.
  if (left == TpState::replicated())
    return TpNeeds(0);
  if (moves && left.isSplit() && !tensor.movable)
    return std::nullopt;
  return moves & whole ? whole : moves;
}

std::optional<TpCharge> mlir::analysis::chargeTensor(int64_t axisSize,
                                                     const TpTensor &tensor,
                                                     TpState left,
                                                     TpNeeds all) {
  std::optional<TpNeeds> moves = getMoves(tensor, left, all);
  if (!moves)
    return std::nullopt;
  if (*moves == 0)
    return TpCharge{};
  int64_t part = tensor.bytes * (axisSize - 1) / axisSize;
  // To all ranks: an all-gather, or an all-reduce.
  TpCharge whole{part, 1};
  if (left.isPartial())
    whole.sentBytes = 2 * tensor.bytes * (axisSize - 1) / axisSize;
  if (*moves == needs(TpState::replicated()))
    return whole;
  // To blocks: exchanges, of which the first of a partial value is a
  // reduce-scatter.
  int64_t exchange = tensor.bytes / axisSize * (axisSize - 1) / axisSize;
  int64_t numSplits = llvm::popcount(*moves);
  TpCharge blocks{numSplits * exchange, numSplits};
  if (left.isPartial())
    blocks.sentBytes += part - exchange;
  return isLess(whole, blocks) ? whole : blocks;
}

std::optional<TpTotals>
mlir::analysis::evaluateTp(const TpGraph &graph,
                           ArrayRef<unsigned> strategies) {
  TpTotals totals;
  SmallVector<TpNeeds> needed(graph.tensors.size());
  SmallVector<TpState> left(graph.tensors.size(), TpState::replicated());
  for (auto [op, index] : llvm::zip_equal(graph.ops, strategies)) {
    const TpStrategy &strategy = op.strategies[index];
    for (auto [tensor, need] : llvm::zip_equal(op.operands, strategy.needs))
      needed[tensor] |= need;
    for (auto [tensor, state] : llvm::zip_equal(op.results, strategy.results))
      left[tensor] = state;
    totals.cost += strategy.cost;
    totals.sentBytes += strategy.sentBytes;
  }
  for (auto [tensor, state, need] :
       llvm::zip_equal(graph.tensors, left, needed)) {
    std::optional<TpCharge> charge =
        chargeTensor(graph.axisSize, tensor, state, need);
    if (!charge)
      return std::nullopt;
    totals.cost += charge->toCost();
    totals.sentBytes += charge->sentBytes;
  }
  return totals;
}
