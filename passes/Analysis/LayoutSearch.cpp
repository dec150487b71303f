//===- LayoutSearch.cpp - Layouts over one mesh axis, by cost -------------===//
//
// A frontier dynamic program. Ops are decided one after the other. Tensors that
// are touched both before and after a place in that order are *live* there; all
// that a partial plan hands on is, for each of them, how it was left, if its
// maker has been decided, and how it is needed so far. Of partial plans that
// agree in this only the cheapest is kept, and none that is certain to end up
// no better than another, whatever follows.
//
// The set of partial plans at a place, with costs relative to the first, is a
// frontier. Frontiers and steps are numbered by their content, so the layers of
// a deep model soon go round in a circle that is looked up instead of searched.
//
// Where a frontier grows too large, plans are given up. Then the search starts
// again with an example, a whole plan that is possible (LayoutChoices.h), and
// never gives up all plans that can go on as the example does. There is one at
// the start; from one, the example's next strategy leads to another; and what
// is pruned is possible only where a plan that is kept is.
//
//===----------------------------------------------------------------------===//

#include "passes/Analysis/LayoutSearch.h"
#include "passes/Analysis/LayoutChoices.h"
#include "passes/Analysis/LayoutFutures.h"

using namespace mlir;
using namespace mlir::analysis;

namespace {
/// One op at its place in the order.
struct Step {
  const LayoutOp *op = nullptr;
  /// Of its strategies, those that are looked at.
  SmallVector<unsigned, 4> strategies;
  /// Of operands, then of results, among live and new tensors.
  SmallVector<unsigned, 6> touched;
  /// Of live and new tensors: the future after the step; the last touch is
  /// over where `dies`.
  SmallVector<unsigned> futures;
  SmallVector<bool> dies;
};

struct PartialPlan {
  SmallVector<Slot, 8> slots;
  LayoutCost cost;
};
using Frontier = SmallVector<PartialPlan, 0>;

/// From a frontier to the next: for every plan in that, the plan that it comes
/// from, and the strategy that was added.
struct Transition {
  unsigned to = 0;
  SmallVector<std::pair<unsigned, unsigned>, 0> origins;
};

void append(SmallVectorImpl<uint64_t> &words, const LayoutCost &cost) {
  words.append({uint64_t(cost.flops), uint64_t(cost.weightBytes),
                uint64_t(cost.traffic), uint64_t(cost.numCollectives)});
}

class Search {
public:
  /// With choices looks at no other strategies, and may give up plans.
  Search(const LayoutGraph &graph, size_t beam, const LayoutChoices *choices)
      : graph(graph), beam(beam), choices(choices), futures(graph.axisSize) {}
  /// Nothing if no plan is left, or would have to be given up.
  std::optional<LayoutPlan> run();

private:
  void findFutures();
  SmallVector<unsigned, 4> getStrategies(unsigned op) const;
  unsigned internOp(const Step &step);
  unsigned internStep(unsigned op);
  unsigned internFrontier(Frontier frontier);

  bool apply(const Step &step, const LayoutStrategy &strategy,
             PartialPlan &plan) const;
  LayoutCost getLowerBound(ArrayRef<unsigned> futures,
                           const PartialPlan &plan) const;
  bool isDominated(ArrayRef<unsigned> futures, const PartialPlan &a,
                   const PartialPlan &b);
  bool followsExample(ArrayRef<unsigned> futures,
                      const PartialPlan &plan) const;
  Transition expand(unsigned frontier, const Step &step);

  const LayoutGraph &graph;
  size_t beam;
  const LayoutChoices *choices;
  LayoutPlan result;

  LayoutFutures futures;
  /// For every op and tensor that it touches, the future after it, and whether
  /// it was the last to touch it.
  SmallVector<SmallVector<std::pair<unsigned, bool>, 6>, 0> futuresAfter;
  SmallVector<unsigned> live;
  SmallVector<unsigned> liveFutures;

  Interner opIds, stepIds, frontierIds;
  SmallVector<Step, 0> steps;
  SmallVector<Frontier, 0> frontiers;
  SmallVector<Transition, 0> transitions;
  DenseMap<std::pair<unsigned, unsigned>, unsigned> transitionOf;
};
} // namespace

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

SmallVector<unsigned, 4> Search::getStrategies(unsigned op) const {
  if (choices)
    return llvm::to_vector_of<unsigned, 4>(choices->strategies[op].set_bits());
  return llvm::to_vector<4>(
      llvm::seq<unsigned>(0, graph.ops[op].strategies.size()));
}

unsigned Search::internOp(const Step &step) {
  const LayoutOp &op = *step.op;
  SmallVector<uint64_t> words{op.operands.size(), op.results.size()};
  for (unsigned index : step.strategies) {
    const LayoutStrategy &strategy = op.strategies[index];
    words.push_back(index);
    words.append(strategy.needs.begin(), strategy.needs.end());
    for (LayoutState state : strategy.results)
      words.push_back(state.getCode());
    append(words, strategy.cost);
  }
  return opIds.intern(words).first;
}

/// From the last op to the first.
void Search::findFutures() {
  futuresAfter.resize(graph.ops.size());
  SmallVector<Future, 0> after;
  SmallVector<bool> isTouched(graph.tensors.size());
  for (const LayoutTensor &tensor : graph.tensors)
    after.push_back({tensor});
  for (unsigned index : llvm::reverse(llvm::seq<unsigned>(graph.ops.size()))) {
    const LayoutOp &op = graph.ops[index];
    auto record = [&](unsigned tensor) {
      futuresAfter[index].push_back(
          {futures.intern(after[tensor]), !isTouched[tensor]});
    };
    llvm::for_each(op.operands, record);
    llvm::for_each(op.results, record);
    for (unsigned which : getStrategies(index)) {
      const LayoutStrategy &strategy = op.strategies[which];
      for (auto [tensor, need] : llvm::zip_equal(op.operands, strategy.needs))
        after[tensor].needs |= need;
      for (auto [tensor, state] : llvm::zip_equal(op.results, strategy.results))
        after[tensor].left |= needs(state);
    }
    if (choices) {
      const LayoutStrategy &strategy = op.strategies[choices->example[index]];
      for (auto [tensor, need] : llvm::zip_equal(op.operands, strategy.needs))
        after[tensor].exampleNeeds |= need;
      for (auto [tensor, state] : llvm::zip_equal(op.results, strategy.results))
        after[tensor].exampleLeft |= needs(state);
    }
    for (unsigned tensor : op.operands)
      isTouched[tensor] = true;
    for (unsigned tensor : op.results)
      isTouched[tensor] = true;
  }
}

/// Steps are equal if all that the search sees of them is. Moves the list of
/// live tensors on.
unsigned Search::internStep(unsigned index) {
  Step step;
  step.op = &graph.ops[index];
  step.strategies = getStrategies(index);
  SmallVector<unsigned> tensors = live;
  step.futures = liveFutures;
  step.dies.resize(live.size());
  auto touch = [&](unsigned tensor) {
    unsigned slot = llvm::find(tensors, tensor) - tensors.begin();
    auto [future, dies] = futuresAfter[index][step.touched.size()];
    if (slot == tensors.size()) {
      tensors.push_back(tensor);
      step.futures.emplace_back();
      step.dies.emplace_back();
    }
    step.futures[slot] = future;
    step.dies[slot] = dies;
    step.touched.push_back(slot);
  };
  llvm::for_each(step.op->operands, touch);
  llvm::for_each(step.op->results, touch);

  SmallVector<uint64_t> words{internOp(step), live.size()};
  words.append(step.touched.begin(), step.touched.end());
  live.clear();
  liveFutures.clear();
  for (auto [tensor, future, dies] :
       llvm::zip_equal(tensors, step.futures, step.dies)) {
    words.push_back(2 * uint64_t(future) + dies);
    if (dies)
      continue;
    live.push_back(tensor);
    liveFutures.push_back(future);
  }
  auto [id, isNew] = stepIds.intern(words);
  if (isNew)
    steps.push_back(std::move(step));
  return id;
}

unsigned Search::internFrontier(Frontier frontier) {
  SmallVector<uint64_t> words{frontier.size()};
  for (const PartialPlan &plan : frontier) {
    for (Slot slot : plan.slots)
      words.push_back(slot.toWord());
    append(words, plan.cost);
  }
  auto [id, isNew] = frontierIds.intern(words);
  if (isNew)
    frontiers.push_back(std::move(frontier));
  return id;
}

//===----------------------------------------------------------------------===//
// Partial plans
//===----------------------------------------------------------------------===//

/// Adds a strategy; false if that is impossible. Slots of tensors that are
/// touched no more are charged and dropped, those of all others say no more
/// than matters.
bool Search::apply(const Step &step, const LayoutStrategy &strategy,
                   PartialPlan &plan) const {
  plan.slots.resize(step.futures.size());
  plan.cost += strategy.cost;
  size_t numOperands = strategy.needs.size();
  for (auto [index, slot] : llvm::enumerate(step.touched)) {
    if (index < numOperands)
      plan.slots[slot].need(strategy.needs[index]);
    else
      plan.slots[slot].leave(strategy.results[index - numOperands]);
  }
  for (unsigned index : step.touched) {
    Slot &slot = plan.slots[index];
    if (!slot.isLeft())
      continue;
    std::optional<LayoutNeeds> moves = getMoves(
        futures[step.futures[index]].tensor, slot.getLeft(), slot.getNeeds());
    if (!moves)
      return false;
    slot.setNeeds(*moves);
  }
  size_t kept = 0;
  for (size_t index = 0; index < plan.slots.size(); ++index) {
    if (!step.dies[index]) {
      plan.slots[kept++] = plan.slots[index];
      continue;
    }
    plan.cost += *futures.charge(step.futures[index], plan.slots[index]);
  }
  plan.slots.truncate(kept);
  return true;
}

/// Of the whole plan, as far as it is decided.
LayoutCost Search::getLowerBound(ArrayRef<unsigned> survivors,
                                 const PartialPlan &plan) const {
  LayoutCost cost = plan.cost;
  for (auto [future, slot] : llvm::zip_equal(survivors, plan.slots))
    if (slot.isLeft())
      cost += *futures.charge(future, slot);
  return cost;
}

/// Whether plan b cannot end up better than plan a.
bool Search::isDominated(ArrayRef<unsigned> survivors, const PartialPlan &a,
                         const PartialPlan &b) {
  LayoutCost cost = a.cost;
  for (auto [future, slotA, slotB] :
       llvm::zip_equal(survivors, a.slots, b.slots)) {
    std::optional<LayoutCost> extra =
        futures.getWorstExtra(future, slotA, slotB);
    if (!extra)
      return false;
    cost += *extra;
  }
  return cost <= b.cost;
}

/// Whether the plan is completed by what the example does from here on.
bool Search::followsExample(ArrayRef<unsigned> survivors,
                            const PartialPlan &plan) const {
  return llvm::all_of(llvm::zip_equal(survivors, plan.slots), [&](auto pair) {
    auto [future, slot] = pair;
    return futures.followsExample(future, slot);
  });
}

Transition Search::expand(unsigned from, const Step &step) {
  struct Candidate {
    PartialPlan plan;
    std::pair<unsigned, unsigned> origin;
    LayoutCost lowerBound;
  };
  SmallVector<unsigned> survivors;
  for (auto [future, dies] : llvm::zip_equal(step.futures, step.dies))
    if (!dies)
      survivors.push_back(future);

  // Merge.
  SmallVector<Candidate, 0> candidates;
  Interner slots;
  for (auto [parent, plan] : llvm::enumerate(frontiers[from]))
    for (unsigned index : step.strategies) {
      ++result.numTransitions;
      Candidate candidate{plan, {parent, index}, {}};
      if (!apply(step, step.op->strategies[index], candidate.plan))
        continue;
      auto words = llvm::map_to_vector(candidate.plan.slots,
                                       [](Slot slot) { return slot.toWord(); });
      auto [id, isNew] = slots.intern(words);
      if (isNew)
        candidates.push_back(std::move(candidate));
      else if (candidate.plan.cost < candidates[id].plan.cost)
        candidates[id] = std::move(candidate);
    }

  // Prune. What dominates another has no larger lower bound.
  for (Candidate &candidate : candidates)
    candidate.lowerBound = getLowerBound(survivors, candidate.plan);
  auto order = llvm::to_vector(llvm::seq<size_t>(0, candidates.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    const LayoutCost &costA = candidates[a].lowerBound,
                     &costB = candidates[b].lowerBound;
    return costA == costB ? a < b : costA < costB;
  });
  Transition transition;
  Frontier frontier;
  bool hasExample = false;
  for (size_t index : order) {
    Candidate &candidate = candidates[index];
    if (llvm::any_of(frontier, [&](const PartialPlan &kept) {
          return isDominated(survivors, kept, candidate.plan);
        }))
      continue;
    bool isExample = choices && followsExample(survivors, candidate.plan);
    if (frontier.size() >= beam) {
      result.isCut = true;
      if (!choices || hasExample)
        break;
      if (!isExample)
        continue;
    }
    hasExample |= isExample;
    frontier.push_back(std::move(candidate.plan));
    transition.origins.push_back(candidate.origin);
  }
  result.numKept = std::max(result.numKept, frontier.size());

  if (!frontier.empty()) {
    LayoutCost base = frontier.front().cost;
    for (PartialPlan &plan : frontier)
      plan.cost -= base;
  }
  transition.to = internFrontier(std::move(frontier));
  return transition;
}

std::optional<LayoutPlan> Search::run() {
  findFutures();
  unsigned frontier = internFrontier({PartialPlan()});
  SmallVector<unsigned> path;
  for (unsigned op = 0; op < graph.ops.size(); ++op) {
    unsigned step = internStep(op);
    auto [it, isNew] =
        transitionOf.try_emplace({frontier, step}, transitions.size());
    path.push_back(it->second);
    if (isNew)
      transitions.push_back(expand(frontier, steps[step]));
    frontier = transitions[path.back()].to;
    if (frontiers[frontier].empty() || (result.isCut && !choices))
      return std::nullopt;
  }

  // No tensor is live: the only plan that is left is the best.
  unsigned plan = 0;
  for (unsigned transition : llvm::reverse(path)) {
    auto [parent, strategy] = transitions[transition].origins[plan];
    result.strategies.push_back(strategy);
    plan = parent;
  }
  std::reverse(result.strategies.begin(), result.strategies.end());
  std::optional<LayoutTotals> totals =
      evaluateLayouts(graph, result.strategies);
  if (!totals)
    return std::nullopt;
  result.totals = *totals;
  return std::move(result);
}

std::optional<LayoutPlan>
mlir::analysis::searchLayouts(const LayoutGraph &graph, size_t beam,
                              LayoutConflict *conflict) {
  if (auto plan = Search(graph, beam, /*choices=*/nullptr).run())
    return plan;
  std::optional<LayoutChoices> choices = findChoices(graph, conflict);
  if (!choices)
    return std::nullopt;
  return Search(graph, beam, &*choices).run();
}
