//===- Reduction.cpp - Ops over dims, interpreted -------------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

/// For each element of `from`, its place in `from` without `dims`: along one of
/// them it does not move.
static std::vector<int64_t> placesWithout(const Tensor &from,
                                          ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < from.getRank(); ++dim)
    if (!llvm::is_contained(dims, dim))
      kept.push_back(from.shape[dim]);
  SmallVector<int64_t> keptStrides = rowMajorStrides(kept), strides;
  size_t next = 0;
  for (int64_t dim = 0; dim < from.getRank(); ++dim)
    strides.push_back(llvm::is_contained(dims, dim) ? 0 : keptStrides[next++]);
  return gridOffsets(from.shape, strides);
}

/// Combines every element of the operand with the result element that it
/// belongs to.
template <typename Op, double (*combine)(double, double)>
static LogicalResult reduce(Operation *op, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results, double first) {
  std::vector<double> &to = results[0].floats;
  to.assign(to.size(), first);
  for (auto [index, place] :
       llvm::enumerate(placesWithout(*operands[0], cast<Op>(op).getDims())))
    to[place] = combine(to[place], operands[0]->floats[index]);
  return success();
}

static double plus(double a, double b) { return a + b; }
static double larger(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}
static double smaller(double a, double b) {
  return std::isnan(a) || a < b ? a : b;
}

static LogicalResult sum(Operation *op, ArrayRef<const Tensor *> operands,
                         MutableArrayRef<Tensor> results) {
  return reduce<SumOp, plus>(op, operands, results, 0.0);
}

static LogicalResult max(Operation *op, ArrayRef<const Tensor *> operands,
                         MutableArrayRef<Tensor> results) {
  return reduce<MaxOp, larger>(op, operands, results, -HUGE_VAL);
}

static LogicalResult min(Operation *op, ArrayRef<const Tensor *> operands,
                         MutableArrayRef<Tensor> results) {
  return reduce<MinOp, smaller>(op, operands, results, HUGE_VAL);
}

/// The places of each set of elements that differ along `dims` only.
static std::vector<std::vector<int64_t>> groupsOver(const Tensor &tensor,
                                                    ArrayRef<int64_t> dims) {
  std::vector<std::vector<int64_t>> groups;
  for (auto [index, place] : llvm::enumerate(placesWithout(tensor, dims))) {
    if (static_cast<size_t>(place) >= groups.size())
      groups.resize(place + 1);
    groups[place].push_back(index);
  }
  return groups;
}

static LogicalResult softmax(Operation *op, ArrayRef<const Tensor *> operands,
                             MutableArrayRef<Tensor> results) {
  int64_t dim = cast<SoftmaxOp>(op).getDim();
  const std::vector<double> &x = operands[0]->floats;
  std::vector<double> &y = results[0].floats;
  for (const std::vector<int64_t> &group : groupsOver(*operands[0], {dim})) {
    double top = -HUGE_VAL, total = 0.0;
    for (int64_t i : group)
      top = larger(top, x[i]);
    for (int64_t i : group)
      total += y[i] = std::exp(x[i] - top);
    for (int64_t i : group)
      y[i] /= total;
  }
  return success();
}

static LogicalResult layerNorm(Operation *op, ArrayRef<const Tensor *> operands,
                               MutableArrayRef<Tensor> results) {
  auto norm = cast<LayerNormOp>(op);
  const std::vector<double> &x = operands[0]->floats;
  std::vector<double> &y = results[0].floats;
  for (const std::vector<int64_t> &group :
       groupsOver(*operands[0], norm.getDims())) {
    double mean = 0.0, variance = 0.0;
    double count = static_cast<double>(group.size());
    for (int64_t i : group)
      mean += x[i] / count;
    for (int64_t i : group)
      variance += (x[i] - mean) * (x[i] - mean) / count;
    for (int64_t i : group)
      y[i] =
          (x[i] - mean) / std::sqrt(variance + norm.getEps().convertToDouble());
  }
  return success();
}

void mlir::fabric::interpreter::registerReduction(OpTable &table) {
  table.local[SumOp::getOperationName()] = sum;
  table.local[MaxOp::getOperationName()] = ::max;
  table.local[MinOp::getOperationName()] = ::min;
  table.local[SoftmaxOp::getOperationName()] = softmax;
  table.local[LayerNormOp::getOperationName()] = layerNorm;
}
