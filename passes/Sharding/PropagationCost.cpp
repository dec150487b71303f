//===- PropagationCost.cpp - What a choice of propagation costs -----------===//
//
// The bytes that a rank sends for the reshards around one op if an atom splits
// one of its factors, or none: of its operands, as they are now, and of its
// results, for the uses that have decided. What is not decided yet costs
// nothing.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/Propagation.h"

using namespace mlir;
using namespace mlir::sharding;

static int64_t getElementBytes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

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
