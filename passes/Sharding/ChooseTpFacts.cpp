//===- ChooseTpFacts.cpp - What strategies are made of --------------------===//

#include "passes/Sharding/ChooseTpFacts.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;
using mlir::dist::Factor;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// OpInfo
//===----------------------------------------------------------------------===//

/// One factor a dim: what an op without a rule needs whole, and a constraint
/// passes on.
static dist::ShardingRule getDefaultRule(Operation *op) {
  dist::ShardingRule rule;
  bool isIdentity = isa<dist::ConstraintOp>(op);
  auto add = [&](Value value, SmallVectorImpl<dist::TensorFactors> &list) {
    auto &dims = list.emplace_back();
    for (auto [dim, size] : llvm::enumerate(getType(value).getShape())) {
      dims.push_back({unsigned(rule.factors.size())});
      rule.factors.push_back({size, Factor::Kind::Whole, {}});
    }
  };
  for (Value operand : op->getOperands())
    add(operand, rule.operands);
  if (isIdentity)
    rule.results = rule.operands;
  else
    for (Value result : op->getResults())
      add(result, rule.results);
  return rule;
}

OpInfo OpInfo::get(Operation *op) {
  OpInfo info;
  info.op = op;
  auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
  info.rule = sharded ? sharded.getShardingRule() : getDefaultRule(op);
  info.numOperands = op->getNumOperands();
  llvm::append_range(info.values, op->getOperands());
  llvm::append_range(info.values, op->getResults());
  llvm::append_range(info.tensors, info.rule.operands);
  llvm::append_range(info.tensors, info.rule.results);
  return info;
}

std::optional<unsigned>
OpInfo::getMajorFactor(const dist::DimFactors &dim) const {
  return sharding::getMajorFactor(
      dim, [&](unsigned factor) { return rule.factors[factor].size; });
}

std::optional<LayoutStates> OpInfo::splitBy(unsigned factor) const {
  return sharding::splitBy(
      rule, factor, [&](unsigned other) { return rule.factors[other].size; });
}

//===----------------------------------------------------------------------===//
// BatchFacts
//===----------------------------------------------------------------------===//

bool BatchFacts::isOfBatch(const OpInfo &info, unsigned factor) const {
  for (auto [value, tensor] : llvm::zip_equal(info.values, info.tensors))
    for (auto [dim, factors] : llvm::enumerate(tensor))
      if (info.getMajorFactor(factors) == factor && batch.has(value, dim))
        return true;
  return false;
}

bool BatchFacts::mark(const OpInfo &info) {
  bool changed = false;
  for (unsigned factor = 0; factor < info.rule.factors.size(); ++factor) {
    if (!isOfBatch(info, factor))
      continue;
    for (auto [value, tensor] : llvm::zip_equal(info.values, info.tensors))
      for (auto [dim, factors] : llvm::enumerate(tensor))
        if (info.getMajorFactor(factors) == factor)
          changed |= batch.set(value, dim);
  }
  return changed;
}

std::optional<unsigned> BatchFacts::getBatchDim(Value value) const {
  for (auto [dim, size] : llvm::enumerate(getType(value).getShape()))
    if (batch.has(value, dim) && size % dataSize == 0)
      return dim;
  return std::nullopt;
}

int64_t BatchFacts::getBytes(Value value) const {
  int64_t bytes = fabric::getNumBytes(getType(value));
  return getBatchDim(value) ? bytes / dataSize : bytes;
}

LayoutCost BatchFacts::getCost(const OpInfo &info, ArrayRef<LayoutState> states,
                               bool isSplit) const {
  LayoutCost cost;
  auto model = dyn_cast<fabric::CostOpInterface>(info.op);
  if (int64_t flops = model ? model.getContractionFlops() : 0) {
    for (unsigned factor = 0; factor < info.rule.factors.size(); ++factor)
      if (isOfBatch(info, factor) &&
          info.rule.factors[factor].size % dataSize == 0) {
        flops /= dataSize;
        break;
      }
    cost.flops = isSplit ? flops / axisSize : flops;
    return cost;
  }
  int64_t local = 0, global = 0;
  for (auto [value, state] : llvm::zip_equal(info.values, states)) {
    int64_t bytes = getBytes(value);
    local += state.isSplit() ? bytes / axisSize : bytes;
    global += fabric::getNumBytes(getType(value));
  }
  cost.traffic = getBytesTouched(info.op, local, global);
  return cost;
}
