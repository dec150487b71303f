//===- LayoutFutures.cpp - What live tensors may still cost ---------------===//

#include "passes/Analysis/LayoutFutures.h"

using namespace mlir;
using namespace mlir::analysis;

unsigned LayoutFutures::intern(const Future &future) {
  auto [id, isNew] = ids.intern(
      {uint64_t(future.tensor.bytes), future.tensor.movable, future.needs,
       future.left, future.exampleNeeds, future.exampleLeft});
  if (isNew)
    futures.push_back(future);
  return id;
}

std::optional<LayoutCost> LayoutFutures::charge(unsigned id, Slot slot) const {
  std::optional<LayoutCharge> charge = chargeTensor(
      axisSize, futures[id].tensor, slot.getLeft(), slot.getNeeds());
  if (!charge)
    return std::nullopt;
  return charge->toCost();
}

/// The charge if the slot is left and needed so in the end.
std::optional<LayoutCost>
LayoutFutures::chargeLater(unsigned id, Slot slot, LayoutNeeds needs,
                           std::optional<LayoutState> left) const {
  if (left)
    slot.leave(*left);
  slot.need(needs);
  return charge(id, slot);
}

std::optional<LayoutCost> LayoutFutures::computeWorstExtra(unsigned id, Slot a,
                                                           Slot b) const {
  const Future &future = futures[id];
  SmallVector<std::optional<LayoutState>> lefts;
  if (a.isLeft())
    lefts.push_back(std::nullopt);
  for (unsigned code = 0; code < kLayoutNeedKinds; ++code)
    if (!a.isLeft() && (future.left & needs(LayoutState::fromCode(code))))
      lefts.push_back(LayoutState::fromCode(code));
  constexpr int kMostNeeds = 10;
  if (llvm::popcount(future.needs) > kMostNeeds)
    return std::nullopt;

  std::optional<LayoutCost> worst;
  for (std::optional<LayoutState> left : lefts) {
    // All subsets of the needs, the empty one last.
    LayoutNeeds subset = future.needs;
    while (true) {
      if (auto costB = chargeLater(id, b, subset, left)) {
        auto costA = chargeLater(id, a, subset, left);
        if (!costA)
          return std::nullopt;
        LayoutCost extra = *costA - *costB;
        if (!worst || *worst < extra)
          worst = extra;
      }
      if (subset == 0)
        break;
      subset = (subset - 1) & future.needs;
    }
  }
  return worst.value_or(LayoutCost{});
}

std::optional<LayoutCost> LayoutFutures::getWorstExtra(unsigned id, Slot a,
                                                       Slot b) {
  if (a == b)
    return LayoutCost{};
  auto [it, isNew] = worstExtras.try_emplace({id, {a.toWord(), b.toWord()}});
  if (isNew)
    it->second = computeWorstExtra(id, a, b);
  return it->second;
}

bool LayoutFutures::followsExample(unsigned id, Slot slot) const {
  const Future &future = futures[id];
  LayoutState left =
      slot.isLeft()
          ? slot.getLeft()
          : LayoutState::fromCode(llvm::countr_zero(future.exampleLeft));
  return getMoves(future.tensor, left, slot.getNeeds() | future.exampleNeeds)
      .has_value();
}
