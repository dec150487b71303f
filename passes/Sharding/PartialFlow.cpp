//===- PartialFlow.cpp - Where the terms of a reduction are reduced -------===//

#include "passes/Sharding/PartialFlow.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mlir::sharding;

void PartialFlow::run() {
  do
    pass();
  while (reduce());
}

AtomList PartialFlow::getKept(Value value) const {
  AtomList kept;
  for (unsigned atom : table.getPlacement(value).partial)
    if (!reduced.contains({value, atom}))
      kept.push_back(atom);
  return kept;
}

bool PartialFlow::isKept(Value value, unsigned atom) const {
  return llvm::is_contained(table.getPlacement(value).partial, atom) &&
         !reduced.contains({value, atom});
}

/// Forward: over what each op's results are partial because operands are.
void PartialFlow::pass() {
  for (Node &node : table.getNodes())
    for (unsigned atom = 0; atom < table.getAtoms().size(); ++atom) {
      bool passes = table.canPass(node, atom, [&](unsigned operand) {
        return isKept(node.op->getOperand(operand), atom);
      });
      node.passed[atom] = passes;
    }
}

/// Backward: what cannot stay partial, or is cheaper reduced now. True if there
/// was any.
bool PartialFlow::reduce() {
  bool changed = false;
  bytes.clear();
  for (Node &node : llvm::reverse(table.getNodes()))
    for (Value result : node.op->getResults())
      for (unsigned atom : table.getPlacement(result).partial) {
        Terms terms(result, atom);
        int64_t now = getReduceBytes(result, atom);
        bytes[terms] = now;
        if (reduced.contains(terms))
          continue;
        bool passesOn =
            llvm::all_of(table.getUses(result), [&](OpOperand *use) {
              std::optional<unsigned> consumer = table.lookup(use->getOwner());
              return consumer && table.getNode(*consumer).passed.test(atom);
            });
        int64_t keep = passesOn ? getKeepBytes(result, atom) : 0;
        if (passesOn && keep <= now) {
          bytes[terms] = keep;
          continue;
        }
        reduced.insert(terms);
        changed = true;
      }
  return changed;
}

/// A scatter where a use wants the blocks, else a reduction to all.
int64_t PartialFlow::getReduceBytes(Value value, unsigned atom) const {
  Placement placement = table.getPlacement(value);
  auto type = cast<RankedTensorType>(value.getType());
  int64_t block = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (auto [size, list] : llvm::zip_equal(type.getShape(), placement.dims))
    block *= size / table.getAtoms().getNumParts(list);
  bool scatters = llvm::any_of(table.getUses(value), [&](OpOperand *use) {
    std::optional<Placement> wanted = table.getWanted(*use);
    return wanted && llvm::any_of(wanted->dims, [&](const AtomList &list) {
             return llvm::is_contained(list, atom);
           });
  });
  int64_t ranks = table.getAtoms().getSize(atom);
  return (scatters ? 1 : 2) * block * (ranks - 1) / ranks;
}

/// What it costs to reduce all that the value flows into. Where terms meet,
/// each pays its share.
int64_t PartialFlow::getKeepBytes(Value value, unsigned atom) const {
  int64_t total = 0;
  llvm::SmallPtrSet<Operation *, 4> seen;
  for (OpOperand *use : table.getUses(value)) {
    Operation *op = use->getOwner();
    if (!seen.insert(op).second)
      continue;
    llvm::SmallPtrSet<Value, 4> terms;
    for (Value operand : op->getOperands())
      if (isKept(operand, atom))
        terms.insert(operand);
    int64_t cost = 0;
    for (Value result : op->getResults())
      cost += bytes.lookup({result, atom});
    total += cost / static_cast<int64_t>(terms.size());
  }
  return total;
}
