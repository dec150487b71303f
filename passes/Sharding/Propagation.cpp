//===- Propagation.cpp - Assigns axes to factors, to a fixed point --------===//

#include "passes/Sharding/Propagation.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;

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
    return llvm::is_contained(table.getPartial(value), atom);
  });
}

/// The next atom of each factor, as neighbours have it.
SmallVector<Propagation::Proposal>
Propagation::getProposals(unsigned index) const {
  const Node &node = table.getNode(index);
  SmallVector<Proposal> proposals;
  FactorAtoms given;
  auto propose = [&](const dist::TensorFactors &tensor, ArrayRef<AtomList> dims,
                     bool isForward) {
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
              table.getDims(operand.get()), /*isForward=*/true);
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

/// Takes what nothing speaks against, and of the same axis all that follows: a
/// large axis costs its neighbours no more visits than a small one.
void Propagation::take(unsigned index, Proposal proposal) {
  const dist::MeshAtoms &atoms = table.getAtoms();
  while (true) {
    assign(index, proposal.factor, proposal.atom);
    SmallVector<Proposal> proposals = getProposals(index);
    auto next = llvm::find_if(proposals, [&](const Proposal &other) {
      return other.factor == proposal.factor &&
             other.atom == proposal.atom + 1 &&
             atoms.getAxis(other.atom) == atoms.getAxis(proposal.atom) &&
             other.forward == proposal.forward && !other.conflict;
    });
    if (next == proposals.end())
      return;
    proposal = *next;
  }
}

/// What terms it passes on, given where its operands are now.
void Propagation::updatePassed(unsigned index) {
  Node &node = table.getNode(index);
  // Over most atoms no operand is partial, whatever their number.
  llvm::SmallBitVector passes(table.getAtoms().size());
  for (Value operand : node.op->getOperands())
    for (unsigned atom : table.getPartial(operand))
      if (!passes.test(atom) && canPass(node, atom))
        passes.set(atom);
  if (passes == node.passed)
    return;
  node.passed = passes;
  enqueueNeighbours(index);
}

/// Takes what comes from operands; what is left goes to the other queues.
void Propagation::examine(unsigned index) {
  updatePassed(index);
  for (const Proposal &proposal : getProposals(index)) {
    if (proposal.conflict) {
      conflicts.insert(index);
    } else if (!proposal.forward) {
      backward.insert(index);
    } else {
      take(index, proposal);
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
    take(index, proposal);
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
