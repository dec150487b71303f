//===- ShardingRule.cpp - How the dims of an op correspond ----------------===//

#include "dialects/Dist/IR/ShardingRule.h"
#include "dialects/Dist/IR/Dist.h"

using namespace mlir;
using namespace mlir::dist;

ShardingRule ShardingRule::fromLoops(ArrayRef<utils::IteratorType> iterators,
                                     ArrayRef<int64_t> sizes,
                                     ArrayRef<AffineMap> maps,
                                     unsigned numOperands) {
  ShardingRule rule;
  for (auto [iterator, size] : llvm::zip_equal(iterators, sizes)) {
    Factor factor;
    factor.size = size;
    if (iterator == utils::IteratorType::reduction)
      factor.kind = Factor::Kind::Reduction;
    rule.factors.push_back(factor);
  }
  for (auto [index, map] : llvm::enumerate(maps)) {
    TensorFactors dims;
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      dims.push_back({map.getDimPosition(dim)});
    (index < numOperands ? rule.operands : rule.results).push_back(dims);
  }
  return rule;
}

ShardingRule ShardingRule::forReshape(ArrayRef<int64_t> from,
                                      ArrayRef<int64_t> to) {
  ShardingRule rule;
  rule.operands.emplace_back(from.size());
  rule.results.emplace_back(to.size());
  rule.linearGroups.push_back({0});
  auto addFactor = [&](int64_t size, Factor::Kind kind) {
    Factor factor;
    factor.size = size;
    factor.kind = kind;
    rule.factors.push_back(factor);
    return static_cast<unsigned>(rule.factors.size() - 1);
  };

  // Walk both shapes from the major end. `fromRest` and `toRest` are what is
  // left of the current dims; `exact` holds while the blocks of both sides
  // still start at the same elements.
  size_t i = 0, j = 0;
  int64_t fromRest = from.empty() ? 1 : from[0];
  int64_t toRest = to.empty() ? 1 : to[0];
  while (i < from.size() || j < to.size()) {
    if (i < from.size() && fromRest == 1) {
      if (++i < from.size())
        fromRest = from[i];
      continue;
    }
    if (j < to.size() && toRest == 1) {
      if (++j < to.size())
        toRest = to[j];
      continue;
    }
    if (i == from.size() || j == to.size())
      break; // Of zero-sized tensors only.
    int64_t small = std::min(fromRest, toRest);
    int64_t large = std::max(fromRest, toRest);
    if (small > 0 && large % small == 0) {
      unsigned factor = addFactor(small, Factor::Kind::Parallel);
      rule.operands[0][i].push_back(factor);
      rule.results[0][j].push_back(factor);
      fromRest /= small;
      toRest /= small;
      continue;
    }
    // 6 x 4 -> 4 x 6: the dims share a major part, and then nothing up to the
    // next element at which dims of both sides begin.
    int64_t shared = std::gcd(fromRest, toRest);
    if (shared > 1) {
      unsigned factor = addFactor(shared, Factor::Kind::Parallel);
      rule.operands[0][i].push_back(factor);
      rule.results[0][j].push_back(factor);
      fromRest /= shared;
      toRest /= shared;
    }
    int64_t fromProduct = fromRest, toProduct = toRest;
    rule.operands[0][i].push_back(addFactor(fromRest, Factor::Kind::Whole));
    rule.results[0][j].push_back(addFactor(toRest, Factor::Kind::Whole));
    while (fromProduct != toProduct) {
      if (fromProduct < toProduct) {
        if (++i == from.size())
          break;
        fromProduct *= from[i];
        rule.operands[0][i].push_back(addFactor(from[i], Factor::Kind::Whole));
      } else {
        if (++j == to.size())
          break;
        toProduct *= to[j];
        rule.results[0][j].push_back(addFactor(to[j], Factor::Kind::Whole));
      }
    }
    fromRest = toRest = 1;
  }
  return rule;
}
