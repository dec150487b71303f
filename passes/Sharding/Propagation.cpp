//===- Propagation.cpp - Assigns axes to factors, to a fixed point --------===//

#include "passes/Sharding/Propagation.h"
#include "dialects/Fabric/IR/Fabric.h"

#define DEBUG_TYPE "dist-propagate"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;

static int64_t getElementBytes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

static bool splits(ArrayRef<AtomList> dims, unsigned atom) {
  return llvm::any_of(dims, [&](const AtomList &list) {
    return llvm::is_contained(list, atom);
  });
}

static bool isContraction(const Node &node) {
  auto cost = dyn_cast<fabric::CostOpInterface>(node.op);
  return cost && cost.getContractionFlops() > 0;
}

//===----------------------------------------------------------------------===//
// Queues
//===----------------------------------------------------------------------===//

void Propagation::enqueue(unsigned node) {
  if (queued.test(node) || table.getNode(node).fixed)
    return;
  queued.set(node);
  forward.push_back(node);
}

/// All ops that see the placement of an operand or a result change.
void Propagation::enqueueNeighbours(unsigned index) {
  const Node &node = table.getNode(index);
  enqueue(index);
  for (Value operand : node.op->getOperands()) {
    if (std::optional<unsigned> producer =
            table.lookup(operand.getDefiningOp()))
      enqueue(*producer);
  }
  for (Value result : node.op->getResults())
    for (OpOperand *use : table.getUses(result))
      if (std::optional<unsigned> consumer = table.lookup(use->getOwner()))
        enqueue(*consumer);
}

/// Propagation starts at ops next to a sharding that is given.
bool Propagation::isNextToGiven(const Node &node) const {
  auto isGiven = [&](Value value) {
    return !ShardingTable::isSource(value) &&
           !table.lookup(value.getDefiningOp());
  };
  return llvm::any_of(node.op->getOperands(), isGiven) ||
         llvm::any_of(node.op->getResults(), [&](Value result) {
           return llvm::any_of(table.getUses(result), [&](OpOperand *use) {
             return isa<dist::ConstraintOp>(use->getOwner());
           });
         });
}

void Propagation::run() {
  for (auto [index, node] : llvm::enumerate(table.getNodes()))
    if (isNextToGiven(node))
      enqueue(index);
  while (true) {
    if (!forward.empty()) {
      unsigned node = forward.front();
      forward.pop_front();
      queued.reset(node);
      examine(node);
    } else if (!backward.empty()) {
      unsigned node = *backward.rbegin();
      backward.erase(node);
      propagateBackward(node);
    } else if (!conflicts.empty()) {
      unsigned node = *conflicts.begin();
      conflicts.erase(node);
      decide(node);
    } else {
      return;
    }
  }
}

//===----------------------------------------------------------------------===//
// Proposals
//===----------------------------------------------------------------------===//

bool Propagation::canSplit(const Node &node, unsigned factor,
                           unsigned atom) const {
  const Factor &info = node.rule.factors[factor];
  const dist::MeshAtoms &atoms = table.getAtoms();
  if (info.kind == Factor::Kind::Whole || table.isDecided(node, atom))
    return false;
  int64_t parts = atoms.getNumParts(node.factors[factor]);
  if (info.size % (parts * atoms.getSize(atom)) != 0)
    return false;

  // In every dim, the factors before it must be split completely.
  auto isNext = [&](const dist::DimFactors &dim) {
    if (!llvm::is_contained(dim, factor))
      return true;
    for (unsigned other : dim) {
      if (other == factor)
        return true;
      if (atoms.getNumParts(node.factors[other]) !=
          node.rule.factors[other].size)
        return false;
    }
    return true;
  };
  for (const dist::TensorFactors &tensor : node.rule.operands)
    if (!llvm::all_of(tensor, isNext))
      return false;
  for (const dist::TensorFactors &tensor : node.rule.results) {
    if (!llvm::all_of(tensor, isNext))
      return false;
    bool contained = llvm::any_of(tensor, [&](const dist::DimFactors &dim) {
      return llvm::is_contained(dim, factor);
    });
    // Neither blocks nor terms of the result.
    if (!contained && info.kind == Factor::Kind::Parallel)
      return false;
  }

  // One kind of reduction for all terms of a result.
  if (info.kind != Factor::Kind::Reduction)
    return true;
  for (auto [other, list] : llvm::zip_equal(node.rule.factors, node.factors))
    if (other.kind == Factor::Kind::Reduction && !list.empty() &&
        other.reduction != info.reduction)
      return false;
  return node.passed.none() || info.reduction == dist::ReductionKind::Sum;
}

/// A use of a result that has decided about the atom, and needs the dims that
/// the factor is in whole over it.
bool Propagation::hasUseThatWantsWhole(const Node &node, unsigned factor,
                                       unsigned atom) const {
  for (OpResult result : node.op->getResults()) {
    if (isReducedIn(node.rule, factor,
                    node.rule.results[result.getResultNumber()]))
      continue;
    for (OpOperand *use : table.getUses(result)) {
      std::optional<unsigned> consumer = table.lookup(use->getOwner());
      bool isDecided = consumer
                           ? table.isDecided(table.getNode(*consumer), atom) &&
                                 !table.getNode(*consumer).fixed
                           : isa<dist::ConstraintOp>(use->getOwner());
      if (isDecided && !splits(table.getWanted(*use)->dims, atom))
        return true;
    }
  }
  return false;
}

bool Propagation::canPass(const Node &node, unsigned atom) const {
  return table.canPass(node, atom, [&](unsigned operand) {
    Value value = node.op->getOperand(operand);
    return llvm::is_contained(table.getPlacement(value).partial, atom);
  });
}

/// The next atom of each factor, as neighbours have it.
SmallVector<Propagation::Proposal>
Propagation::getProposals(unsigned index) const {
  const Node &node = table.getNode(index);
  SmallVector<Proposal> proposals;
  auto propose = [&](const dist::TensorFactors &tensor, ArrayRef<AtomList> dims,
                     bool isForward) {
    FactorAtoms given;
    getFactorAtoms(table.getAtoms(), node.rule, tensor, dims, given);
    for (auto [factor, list] : llvm::enumerate(given)) {
      ArrayRef<unsigned> own = node.factors[factor];
      bool agrees = list.size() > own.size() &&
                    ArrayRef<unsigned>(list).take_front(own.size()) == own;
      // What an operand has elsewhere in the list can still come last: its
      // blocks move, but the op is not whole.
      auto next = agrees ? list.begin() + own.size()
                         : llvm::find_if(list, [&](unsigned atom) {
                             return isForward && !llvm::is_contained(own, atom);
                           });
      if (next == list.end() || !canSplit(node, factor, *next))
        continue;
      unsigned atom = *next;
      auto same = llvm::find_if(proposals, [&](const Proposal &other) {
        return other.factor == factor && other.atom == atom;
      });
      if (same == proposals.end()) {
        proposals.push_back({unsigned(factor), atom, isForward, agrees});
        continue;
      }
      same->forward |= isForward;
      same->agrees |= agrees;
    }
  };
  for (OpOperand &operand : node.op->getOpOperands())
    if (!ShardingTable::isSource(operand.get()))
      propose(node.rule.operands[operand.getOperandNumber()],
              table.getPlacement(operand.get()).dims, /*isForward=*/true);
  for (OpResult result : node.op->getResults())
    for (OpOperand *use : table.getUses(result)) {
      std::optional<unsigned> consumer = table.lookup(use->getOwner());
      // Storage and compute are not each other's business.
      if (consumer ? table.getNode(*consumer).fixed
                   : !isa<dist::ConstraintOp>(use->getOwner()))
        continue;
      propose(node.rule.results[result.getResultNumber()],
              table.getWanted(*use)->dims, /*isForward=*/false);
    }

  for (Proposal &proposal : proposals)
    proposal.conflict =
        !proposal.agrees ||
        llvm::any_of(proposals,
                     [&](const Proposal &other) {
                       return (other.atom == proposal.atom) !=
                              (other.factor == proposal.factor);
                     }) ||
        canPass(node, proposal.atom) ||
        hasUseThatWantsWhole(node, proposal.factor, proposal.atom);
  llvm::sort(proposals, [](const Proposal &a, const Proposal &b) {
    return std::tie(a.factor, a.atom) < std::tie(b.factor, b.atom);
  });
  return proposals;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

void Propagation::assign(unsigned index, unsigned factor, unsigned atom) {
  Node &node = table.getNode(index);
  node.factors[factor].push_back(atom);
  node.passed.reset(atom);
  enqueueNeighbours(index);
}

/// Takes what comes from operands; what is left goes to the other queues.
void Propagation::examine(unsigned index) {
  Node &node = table.getNode(index);
  for (unsigned atom = 0; atom < table.getAtoms().size(); ++atom) {
    bool passes = canPass(node, atom);
    if (passes == node.passed.test(atom))
      continue;
    if (passes)
      node.passed.set(atom);
    else
      node.passed.reset(atom);
    enqueueNeighbours(index);
  }
  for (const Proposal &proposal : getProposals(index)) {
    if (proposal.conflict) {
      conflicts.insert(index);
    } else if (!proposal.forward) {
      backward.insert(index);
    } else {
      assign(index, proposal.factor, proposal.atom);
      return; // Enqueued again.
    }
  }
}

void Propagation::propagateBackward(unsigned index) {
  for (const Proposal &proposal : getProposals(index)) {
    if (proposal.conflict) {
      conflicts.insert(index);
      continue;
    }
    assign(index, proposal.factor, proposal.atom);
    return;
  }
}

/// Settles the first atom that is in conflict.
void Propagation::decide(unsigned index) {
  Node &node = table.getNode(index);
  SmallVector<Proposal> proposals = getProposals(index);
  auto first = llvm::find_if(
      proposals, [](const Proposal &proposal) { return proposal.conflict; });
  if (first == proposals.end()) {
    enqueue(index);
    return;
  }

  // Rank, bytes, order: the least is taken.
  struct Choice {
    std::optional<unsigned> factor;
    unsigned atom;
    std::tuple<bool, int64_t, unsigned> key;
  };
  SmallVector<Choice> choices;
  for (const Proposal &proposal : proposals)
    if (proposal.atom == first->atom || proposal.factor == first->factor)
      choices.push_back(
          {proposal.factor,
           proposal.atom,
           {false, getCost(index, proposals, proposal.atom, proposal.factor),
            1 + proposal.factor}});
  unsigned wholeOrder =
      canPass(node, first->atom) ? 0 : 1 + node.rule.factors.size();
  choices.push_back(
      {std::nullopt,
       first->atom,
       {isContraction(node),
        getCost(index, proposals, first->atom, std::nullopt), wholeOrder}});
  llvm::sort(choices, [](const Choice &a, const Choice &b) {
    return std::tie(a.key, a.atom) < std::tie(b.key, b.atom);
  });

  const Choice &best = choices.front();
  const Choice &other = choices[1];
  decisions.push_back({index, best.atom, best.factor, other.factor,
                       std::get<1>(best.key), std::get<1>(other.key),
                       /*passes=*/wholeOrder == 0});
  if (best.factor) {
    assign(index, *best.factor, best.atom);
    return;
  }
  node.closed.set(best.atom);
  enqueueNeighbours(index);
}

//===----------------------------------------------------------------------===//
// Cost of a choice
//===----------------------------------------------------------------------===//

/// Atoms that `decided` has not decided about, other than the one in question,
/// it can still agree on: they only make the blocks smaller.
int64_t Propagation::getReshardBytes(Value value, Placement from, Placement to,
                                     const Node &decided, unsigned atom) {
  auto isOpen = [&](unsigned other) {
    return other != atom && !table.isDecided(decided, other) &&
           !(decided.op == trial && lost.test(other));
  };
  SmallVector<int64_t> shape(
      cast<RankedTensorType>(value.getType()).getShape());
  for (auto [size, list] : llvm::zip_equal(shape, from.dims))
    for (unsigned other : list)
      if (isOpen(other))
        size /= table.getAtoms().getSize(other);
  for (Placement *placement : {&from, &to})
    for (AtomList &list : placement->dims)
      llvm::erase_if(list, isOpen);
  return planner.getPlan(shape, getElementBytes(value), from, to).bytes;
}

/// For the operand, as the table has it now.
int64_t Propagation::getOperandCost(const Node &node, OpOperand &operand,
                                    unsigned atom, bool passes) {
  Value value = operand.get();
  if (ShardingTable::isSource(value))
    return 0;
  Placement from = table.getPlacement(value);
  Placement to = *table.getWanted(operand);
  // Terms over other axes are not in question.
  bool isPartial = llvm::is_contained(from.partial, atom);
  from.partial.clear();
  if (isPartial)
    from.partial.push_back(atom);
  if (isPartial && passes)
    to.partial.push_back(atom);
  // Another use pays for the same reshard.
  for (OpOperand *use : table.getUses(value)) {
    std::optional<unsigned> other = table.lookup(use->getOwner());
    if (use->getOwner() != node.op && other && to.partial.empty() &&
        table.isDecided(table.getNode(*other), atom) &&
        table.getWanted(*use)->dims == to.dims)
      return 0;
    if (use->getOwner() == node.op &&
        use->getOperandNumber() < operand.getOperandNumber() &&
        table.getWanted(*use)->dims == to.dims)
      return 0;
  }
  return getReshardBytes(value, from, to, node, atom);
}

/// The op is linear in the operand, and has no other use for the atom.
bool Propagation::mayPass(const Node &node, unsigned operand,
                          unsigned atom) const {
  return !node.fixed && !table.isSplit(node, atom) &&
         llvm::any_of(node.rule.linearGroups, [&](ArrayRef<unsigned> group) {
           return llvm::is_contained(group, operand);
         });
}

/// For all uses of the result that are decided, as the table has it now.
int64_t Propagation::getResultCost(const Node &node, OpResult result,
                                   unsigned atom) {
  Placement from = table.getPlacement(result);
  bool isPartial = llvm::is_contained(from.partial, atom);
  from.partial.clear();
  if (isPartial)
    from.partial.push_back(atom);

  int64_t bytes = 0;
  SmallVector<Placement> paid;
  for (OpOperand *use : table.getUses(result)) {
    std::optional<unsigned> consumer = table.lookup(use->getOwner());
    std::optional<Placement> to = table.getWanted(*use);
    if (!to || llvm::is_contained(paid, *to))
      continue;
    if (consumer) {
      const Node &other = table.getNode(*consumer);
      if (!table.isDecided(other, atom) ||
          (isPartial && mayPass(other, use->getOperandNumber(), atom)))
        continue;
    }
    paid.push_back(*to);
    bytes += getReshardBytes(result, from, *to,
                             consumer ? table.getNode(*consumer) : node, atom);
  }
  // Terms are reduced somewhere.
  if (isPartial && paid.empty() && !table.getUses(result).empty()) {
    Placement to = from;
    to.partial.clear();
    bytes += getReshardBytes(result, from, to, node, atom);
  }
  return bytes;
}

int64_t Propagation::getCost(unsigned index, ArrayRef<Proposal> proposals,
                             unsigned atom, std::optional<unsigned> factor) {
  Node &node = table.getNode(index);
  bool passes = !factor && canPass(node, atom);
  // Try it, and take it back. What was proposed and no longer is, is lost: the
  // blocks that neighbours have would have to move.
  llvm::SmallBitVector passed = node.passed;
  trial = node.op;
  lost.clear();
  lost.resize(table.getAtoms().size());
  if (factor) {
    node.factors[*factor].push_back(atom);
    node.passed.reset(atom);
    for (const Proposal &proposal : proposals)
      lost.set(proposal.atom);
    for (const Proposal &proposal : getProposals(index))
      if (proposal.agrees)
        lost.reset(proposal.atom);
  }
  int64_t bytes = 0;
  for (OpOperand &operand : node.op->getOpOperands())
    bytes += getOperandCost(node, operand, atom, passes);
  for (OpResult result : node.op->getResults())
    bytes += getResultCost(node, result, atom);
  if (factor)
    node.factors[*factor].pop_back();
  node.passed = passed;
  trial = nullptr;
  return bytes;
}
