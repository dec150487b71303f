//===- LayoutFutures.h - What live tensors may still cost -------*- C++ -*-===//
//
// The layout search's view of a tensor in the middle of a plan: how it was left
// and is needed so far (a slot), and what strategies may still do to it (its
// future). Of two slots with one future it says how much worse one can end up.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_LAYOUTFUTURES_H
#define FABRIC_PASSES_ANALYSIS_LAYOUTFUTURES_H

#include "passes/Analysis/LayoutSearch.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::analysis {

/// Numbers sequences of words by their content.
class Interner {
public:
  /// The number, and whether it is new.
  std::pair<unsigned, bool> intern(ArrayRef<uint64_t> words) {
    StringRef key(reinterpret_cast<const char *>(words.data()),
                  words.size() * sizeof(uint64_t));
    auto [it, isNew] = ids.try_emplace(key, ids.size());
    return {it->second, isNew};
  }

private:
  llvm::StringMap<unsigned> ids;
};

/// A live tensor in a partial plan.
class Slot {
public:
  Slot() = default;
  static Slot fromWord(uint64_t word) { return Slot(word); }
  uint64_t toWord() const { return word; }

  bool isLeft() const { return word >> kLeftShift; }
  LayoutState getLeft() const {
    return LayoutState::fromCode((word >> kLeftShift) - 1);
  }
  LayoutNeeds getNeeds() const {
    return word & ((uint64_t(1) << kLeftShift) - 1);
  }
  void leave(LayoutState state) {
    word |= uint64_t(state.getCode() + 1) << kLeftShift;
  }
  void need(LayoutNeeds needs) { word |= needs; }
  void setNeeds(LayoutNeeds needs) { word = (word & ~getNeeds()) | needs; }
  bool operator==(Slot other) const { return word == other.word; }

private:
  static constexpr unsigned kLeftShift = 56;
  explicit Slot(uint64_t word) : word(word) {}
  uint64_t word = 0;
};

/// A tensor, and what may still happen to it.
struct Future {
  LayoutTensor tensor;
  LayoutNeeds needs = 0;
  /// A bit a state; none if its maker has been decided.
  LayoutNeeds left = 0;
  /// The same of the example alone.
  LayoutNeeds exampleNeeds = 0;
  LayoutNeeds exampleLeft = 0;
};

/// All futures of a search, by number.
class LayoutFutures {
public:
  explicit LayoutFutures(int64_t axisSize) : axisSize(axisSize) {}

  unsigned intern(const Future &future);
  const Future &operator[](unsigned id) const { return futures[id]; }

  /// Of a slot that is left, if it stays as it is; nothing if it cannot.
  std::optional<LayoutCost> charge(unsigned id, Slot slot) const;

  /// How much more a tensor may cost in the end if it is in slot a than if it
  /// is in slot b; nothing if a may become impossible where b is not. Looks at
  /// every set of needs, also at those that no choice of strategies leads to.
  std::optional<LayoutCost> getWorstExtra(unsigned id, Slot a, Slot b);

  /// Whether the slot is completed by what the example does from here on.
  bool followsExample(unsigned id, Slot slot) const;

private:
  std::optional<LayoutCost> chargeLater(unsigned id, Slot slot,
                                        LayoutNeeds needs,
                                        std::optional<LayoutState> left) const;
  std::optional<LayoutCost> computeWorstExtra(unsigned id, Slot a,
                                              Slot b) const;

  int64_t axisSize;
  SmallVector<Future, 0> futures;
  Interner ids;
  DenseMap<std::pair<unsigned, std::pair<uint64_t, uint64_t>>,
           std::optional<LayoutCost>>
      worstExtras;
};

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_LAYOUTFUTURES_H
