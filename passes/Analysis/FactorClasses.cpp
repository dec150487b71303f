//===- FactorClasses.cpp - Dims that must have one size -------------------===//

#include "passes/Analysis/FactorClasses.h"

using namespace mlir;
using namespace mlir::analysis;

FactorClasses::FactorClasses(Block &block) {
  for (BlockArgument argument : block.getArguments())
    addValue(argument);
  for (Operation &op : block) {
    for (Value result : op.getResults())
      addValue(result);
    if (!op.hasTrait<OpTrait::IsTerminator>())
      addOp(&op);
  }
}

unsigned FactorClasses::addNode(int64_t size) {
  unsigned node = nodes.size();
  nodes.push_back({size, node, {}, nullptr});
  return node;
}

void FactorClasses::addValue(Value value) {
  firstNodes[value] = nodes.size();
  for (int64_t size : cast<RankedTensorType>(value.getType()).getShape())
    addNode(size);
}

void FactorClasses::addOp(Operation *op) {
  auto getDim = [&](Value value, size_t dim) {
    return firstNodes.lookup(value) + static_cast<unsigned>(dim);
  };
  // The identity on the value.
  if (isa<dist::ConstraintOp>(op)) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      unify({getDim(op->getOperand(0), dim)}, {getDim(op->getResult(0), dim)},
            op);
    return;
  }
  auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
  if (!sharded) {
    SmallVector<Value> values(op->getOperands());
    llvm::append_range(values, op->getResults());
    for (Value value : values)
      for (int64_t dim = 0;
           dim < cast<RankedTensorType>(value.getType()).getRank(); ++dim)
        fix(getDim(value, dim), op);
    return;
  }

  OpFactors factors{sharded.getShardingRule(),
                    static_cast<unsigned>(nodes.size())};
  for (const dist::Factor &factor : factors.rule.factors) {
    unsigned node = addNode(factor.size);
    if (factor.kind == dist::Factor::Kind::Whole)
      fix(node, op);
  }
  auto unifyDims = [&](Value value, const dist::TensorFactors &dims) {
    for (auto [dim, list] : llvm::enumerate(dims)) {
      SmallVector<unsigned, 2> parts;
      for (unsigned factor : list)
        parts.push_back(factors.firstNode + factor);
      unify({getDim(value, dim)}, parts, op);
    }
  };
  for (auto [value, dims] :
       llvm::zip_equal(op->getOperands(), factors.rule.operands))
    unifyDims(value, dims);
  for (auto [value, dims] :
       llvm::zip_equal(op->getResults(), factors.rule.results))
    unifyDims(value, dims);
  ops[op] = std::move(factors);
}

unsigned FactorClasses::find(unsigned node) const {
  while (nodes[node].parent != node) {
    nodes[node].parent = nodes[nodes[node].parent].parent;
    node = nodes[node].parent;
  }
  return node;
}

void FactorClasses::appendParts(unsigned node,
                                SmallVectorImpl<FactorClass> &parts) const {
  node = find(node);
  if (nodes[node].parts.empty())
    return parts.push_back(node);
  for (unsigned part : nodes[node].parts)
    appendParts(part, parts);
}

SmallVector<FactorClass, 2> FactorClasses::getParts(Value value,
                                                    unsigned dim) const {
  SmallVector<FactorClass, 2> parts;
  appendParts(firstNodes.lookup(value) + dim, parts);
  return parts;
}

SmallVector<FactorClass, 2> FactorClasses::getParts(Operation *op,
                                                    unsigned factor) const {
  SmallVector<FactorClass, 2> parts;
  appendParts(ops.find(op)->second.firstNode + factor, parts);
  return parts;
}

const dist::ShardingRule *FactorClasses::getRule(Operation *op) const {
  auto it = ops.find(op);
  return it == ops.end() ? nullptr : &it->second.rule;
}

void FactorClasses::fix(unsigned node, Operation *op) {
  SmallVector<FactorClass, 2> parts;
  appendParts(node, parts);
  for (FactorClass part : parts)
    if (!nodes[part].fixedBy)
      nodes[part].fixedBy = op;
}

/// The smaller number stands for both, which keeps numbers independent of the
/// order of unification.
void FactorClasses::merge(unsigned a, unsigned b) {
  if (b < a)
    std::swap(a, b);
  nodes[b].parent = a;
  if (!nodes[a].fixedBy)
    nodes[a].fixedBy = nodes[b].fixedBy;
}

void FactorClasses::split(unsigned node, int64_t majorSize) {
  Operation *fixedBy = nodes[node].fixedBy;
  unsigned major = addNode(majorSize);
  unsigned minor = addNode(nodes[node].size / majorSize);
  nodes[major].fixedBy = nodes[minor].fixedBy = fixedBy;
  nodes[node].parts = {major, minor};
}

void FactorClasses::unify(SmallVector<unsigned, 2> a,
                          SmallVector<unsigned, 2> b, Operation *op) {
  if (a.size() == 1 && b.size() == 1 && find(a[0]) == find(b[0]))
    return;
  bool isPair = a.size() == 1 && b.size() == 1;
  // From the major end, which is taken from the back.
  std::reverse(a.begin(), a.end());
  std::reverse(b.begin(), b.end());
  auto getMajor = [&](SmallVector<unsigned, 2> &list) {
    std::optional<unsigned> major;
    while (!major && !list.empty()) {
      unsigned node = find(list.back());
      if (!nodes[node].parts.empty()) {
        list.pop_back();
        llvm::append_range(list, llvm::reverse(nodes[node].parts));
      } else if (nodes[node].size == 1 && !isPair) {
        // A dim of size 1 that a reshape adds or drops.
        fix(node, op);
        list.pop_back();
      } else {
        major = node;
      }
    }
    return major;
  };
  while (true) {
    std::optional<unsigned> majorA = getMajor(a), majorB = getMajor(b);
    if (!majorA && !majorB)
      return;
    int64_t sizeA = majorA ? nodes[*majorA].size : 0;
    int64_t sizeB = majorB ? nodes[*majorB].size : 0;
    if (majorA && majorB && sizeA == sizeB) {
      if (*majorA != *majorB)
        merge(*majorA, *majorB);
      a.pop_back();
      b.pop_back();
    } else if (sizeA > 0 && sizeB > 0 && sizeA % sizeB == 0) {
      split(*majorA, sizeB);
    } else if (sizeA > 0 && sizeB > 0 && sizeB % sizeA == 0) {
      split(*majorB, sizeA);
    } else {
      for (unsigned node : llvm::concat<unsigned>(a, b))
        fix(node, op);
      return;
    }
  }
}
