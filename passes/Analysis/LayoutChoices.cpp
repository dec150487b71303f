//===- LayoutChoices.cpp - Which layouts are possible at all --------------===//

#include "passes/Analysis/LayoutChoices.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::analysis;

namespace {
/// A maker and a user of the same tensors.
struct Link {
  unsigned maker = 0, user = 0;
  /// Pairs of a result and an operand.
  SmallVector<std::pair<unsigned, unsigned>, 2> shared;
};

class Narrowing {
public:
  explicit Narrowing(const LayoutGraph &graph);
  std::optional<LayoutChoices> run();
  const LayoutConflict &getConflict() const { return conflict; }

private:
  bool agree(const Link &link, unsigned makerStrategy,
             unsigned userStrategy) const;
  bool hasCounterpart(const Link &link, bool isMaker, unsigned strategy) const;
  LayoutConflict describe(const Link &link) const;
  bool narrow(unsigned op, const Link &link);
  bool propagate(SmallVector<unsigned> changed);
  void drop(unsigned op, unsigned strategy);
  bool fix(unsigned op, unsigned strategy);
  void undo(size_t numDropped);
  unsigned getFirstToTry(unsigned op) const;

  const LayoutGraph &graph;
  SmallVector<Link, 0> links;
  SmallVector<SmallVector<unsigned, 4>, 0> linksOf;
  /// Strategies of every op that are not ruled out.
  SmallVector<llvm::SmallBitVector, 0> open;
  /// Ops and strategies that were ruled out, in this order.
  SmallVector<std::pair<unsigned, unsigned>, 0> dropped;
  LayoutConflict conflict;
};
} // namespace

Narrowing::Narrowing(const LayoutGraph &graph)
    : graph(graph), linksOf(graph.ops.size()) {
  // Of every tensor, its maker, and which of the results it is.
  SmallVector<std::pair<unsigned, unsigned>, 0> makers(graph.tensors.size());
  for (auto [index, op] : llvm::enumerate(graph.ops)) {
    open.emplace_back(op.strategies.size(), true);
    for (auto [result, tensor] : llvm::enumerate(op.results))
      makers[tensor] = {index, result};
  }
  for (auto [user, op] : llvm::enumerate(graph.ops)) {
    llvm::SmallMapVector<unsigned, Link, 4> ofMaker;
    for (auto [operand, tensor] : llvm::enumerate(op.operands)) {
      auto [maker, result] = makers[tensor];
      ofMaker[maker].shared.push_back({result, unsigned(operand)});
    }
    for (auto &[maker, link] : ofMaker) {
      link.maker = maker;
      link.user = user;
      linksOf[maker].push_back(links.size());
      linksOf[user].push_back(links.size());
      links.push_back(std::move(link));
    }
  }
}

//===----------------------------------------------------------------------===//
// Ruling out
//===----------------------------------------------------------------------===//

/// Whether the maker leaves what they share so that the user can have it. A
/// tensor can be brought to all ways in which it is needed if it can be brought
/// to each.
bool Narrowing::agree(const Link &link, unsigned makerStrategy,
                      unsigned userStrategy) const {
  const LayoutOp &maker = graph.ops[link.maker], &user = graph.ops[link.user];
  return llvm::all_of(link.shared, [&](auto pair) {
    auto [result, operand] = pair;
    return getMoves(graph.tensors[maker.results[result]],
                    maker.strategies[makerStrategy].results[result],
                    user.strategies[userStrategy].needs[operand])
        .has_value();
  });
}

bool Narrowing::hasCounterpart(const Link &link, bool isMaker,
                               unsigned strategy) const {
  if (isMaker)
    return llvm::any_of(open[link.user].set_bits(), [&](unsigned other) {
      return agree(link, strategy, other);
    });
  return llvm::any_of(open[link.maker].set_bits(), [&](unsigned other) {
    return agree(link, other, strategy);
  });
}

LayoutConflict Narrowing::describe(const Link &link) const {
  const LayoutOp &maker = graph.ops[link.maker], &user = graph.ops[link.user];
  auto [result, operand] = link.shared.front();
  LayoutConflict found{link.maker, link.user, maker.results[result], 0, 0};
  for (unsigned strategy : open[link.maker].set_bits())
    found.left |= needs(maker.strategies[strategy].results[result]);
  for (unsigned strategy : open[link.user].set_bits())
    found.needed |= user.strategies[strategy].needs[operand];
  return found;
}

void Narrowing::drop(unsigned op, unsigned strategy) {
  open[op].reset(strategy);
  dropped.push_back({op, strategy});
}

void Narrowing::undo(size_t numDropped) {
  for (auto [op, strategy] : ArrayRef(dropped).drop_front(numDropped))
    open[op].set(strategy);
  dropped.truncate(numDropped);
}

/// Drops strategies of one side of the link; true if there were any.
bool Narrowing::narrow(unsigned op, const Link &link) {
  auto unserved = llvm::to_vector(
      llvm::make_filter_range(open[op].set_bits(), [&](unsigned strategy) {
        return !hasCounterpart(link, op == link.maker, strategy);
      }));
  if (unserved.size() == open[op].count())
    conflict = describe(link);
  for (unsigned strategy : unserved)
    drop(op, strategy);
  return !unserved.empty();
}

/// Follows what was dropped of some ops; false if an op is left with nothing.
bool Narrowing::propagate(SmallVector<unsigned> changed) {
  while (!changed.empty()) {
    unsigned op = changed.pop_back_val();
    for (unsigned index : linksOf[op]) {
      const Link &link = links[index];
      unsigned neighbour = link.maker == op ? link.user : link.maker;
      if (!narrow(neighbour, link))
        continue;
      if (open[neighbour].none())
        return false;
      changed.push_back(neighbour);
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// A possible choice
//===----------------------------------------------------------------------===//

bool Narrowing::fix(unsigned op, unsigned strategy) {
  for (unsigned other : llvm::to_vector(open[op].set_bits()))
    if (other != strategy)
      drop(op, other);
  return propagate({op});
}

/// What asks the least of its neighbours; of those, the cheapest.
unsigned Narrowing::getFirstToTry(unsigned op) const {
  const LayoutOp &graphOp = graph.ops[op];
  LayoutNeeds bets = needs(LayoutState::partial());
  for (unsigned code = 0; code < kLayoutNeedKinds; ++code)
    bets |= needsUnscattered(LayoutState::fromCode(code));
  auto getRank = [&](unsigned index) {
    const LayoutStrategy &strategy = graphOp.strategies[index];
    int64_t numAsked = llvm::count_if(
        strategy.needs, [&](LayoutNeeds need) { return need & bets; });
    for (auto [tensor, state] :
         llvm::zip_equal(graphOp.results, strategy.results))
      numAsked += !graph.tensors[tensor].movable && state.isSplit();
    return std::pair(numAsked, strategy.cost);
  };
  auto candidates = llvm::to_vector(open[op].set_bits());
  return *llvm::min_element(candidates, [&](unsigned a, unsigned b) {
    return getRank(a) < getRank(b);
  });
}

std::optional<LayoutChoices> Narrowing::run() {
  if (!propagate(llvm::to_vector(llvm::seq<unsigned>(0, graph.ops.size()))))
    return std::nullopt;
  LayoutChoices choices;
  choices.strategies = open;

  struct Fixed {
    unsigned op, strategy;
    size_t numDropped;
  };
  SmallVector<Fixed> fixed;
  for (unsigned op = 0; op < graph.ops.size(); ++op) {
    if (open[op].count() == 1)
      continue;
    fixed.push_back({op, getFirstToTry(op), dropped.size()});
    bool isPossible = fix(op, fixed.back().strategy);
    while (!isPossible) {
      if (fixed.empty())
        return std::nullopt;
      Fixed last = fixed.pop_back_val();
      ++choices.numTakenBack;
      undo(last.numDropped);
      drop(last.op, last.strategy);
      isPossible = open[last.op].any() && propagate({last.op});
      op = last.op - 1;
    }
  }
  for (const llvm::SmallBitVector &strategies : open)
    choices.example.push_back(strategies.find_first());
  return choices;
}

std::optional<LayoutChoices>
mlir::analysis::findChoices(const LayoutGraph &graph,
                            LayoutConflict *conflict) {
  Narrowing narrowing(graph);
  std::optional<LayoutChoices> choices = narrowing.run();
  if (!choices && conflict)
    *conflict = narrowing.getConflict();
  return choices;
}
