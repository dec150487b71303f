//===- PaddingFlow.cpp - How padding of operands and results corresponds --===//

#include "passes/Sharding/PaddingFlow.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::analysis::FactorClass;

int64_t PaddedSizes::getDimSize(Value value, unsigned dim) const {
  int64_t size = 1;
  for (FactorClass part : classes.getParts(value, dim))
    size *= padded[part];
  return size;
}

SmallVector<Position> mlir::sharding::getPositions(const PaddedSizes &sizes,
                                                   Value value) {
  SmallVector<Position> positions;
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    for (auto [index, part] :
         llvm::enumerate(sizes.classes.getParts(value, dim)))
      if (sizes.isPadded(part))
        positions.push_back(
            {static_cast<unsigned>(dim), static_cast<unsigned>(index)});
  return positions;
}

std::vector<bool> mlir::sharding::getValidIndices(const PaddedSizes &sizes,
                                                  Value value,
                                                  Position position) {
  SmallVector<FactorClass, 2> parts =
      sizes.classes.getParts(value, position.dim);
  int64_t stride = 1;
  for (FactorClass part : ArrayRef(parts).drop_front(position.part + 1))
    stride *= sizes.padded[part];
  FactorClass part = parts[position.part];
  std::vector<bool> valid;
  int64_t size = sizes.getDimSize(value, position.dim);
  for (int64_t index = 0; index < size; ++index)
    valid.push_back(index / stride % sizes.padded[part] <
                    sizes.classes.getSize(part));
  return valid;
}

PaddingFlow::PaddingFlow(const PaddedSizes &sizes, Operation *op) {
  const dist::ShardingRule *rule = sizes.classes.getRule(op);
  if (!rule) {
    // An identity, or an op that keeps all of its sizes.
    for (Value result : op->getResults()) {
      SmallVector<Coordinate> &list = results.emplace_back();
      for (Position position : getPositions(sizes, result))
        list.push_back({position.dim, position.part});
    }
    operands.assign(op->getNumOperands(), results.empty()
                                              ? SmallVector<Coordinate>()
                                              : results.front());
    return;
  }
  auto add = [&](ArrayRef<dist::TensorFactors> tensors,
                 SmallVector<SmallVector<Coordinate>> &coordinates) {
    for (const dist::TensorFactors &dims : tensors) {
      SmallVector<Coordinate> &list = coordinates.emplace_back();
      for (const dist::DimFactors &factors : dims)
        for (unsigned factor : factors)
          for (auto [index, part] :
               llvm::enumerate(sizes.classes.getParts(op, factor)))
            if (sizes.isPadded(part))
              list.push_back({factor, static_cast<unsigned>(index)});
    }
  };
  add(rule->operands, operands);
  add(rule->results, results);
}
