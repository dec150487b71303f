//===- Reduction.cpp - Sums and extremes over dims ------------------------===//

#include "dialects/Fabric/IR/Formula.h"

using namespace mlir;
using namespace mlir::fabric;

static LogicalResult verifyReduction(Operation *op, StringRef what,
                                     ArrayRef<int64_t> dims) {
  RankedTensorType from = tensorType(op->getOperand(0)),
                   to = tensorType(op->getResult(0));
  if (failed(verifyDims(op, what, dims, from.getRank())))
    return failure();
  if (!isStrictlyAscending(dims))
    return op->emitOpError() << "expects dims in ascending order";
  SmallVector<int64_t> expected;
  for (int64_t dim : otherDims(dims, from.getRank()))
    expected.push_back(from.getDimSize(dim));
  if (to.getShape() != ArrayRef<int64_t>(expected) ||
      to.getElementType() != from.getElementType())
    return op->emitOpError()
           << "expects a result of type "
           << RankedTensorType::get(expected, from.getElementType())
           << ", found " << to;
  return success();
}

// Loops, maps and rule of an op over dims; linear where the last argument says.
#define REDUCTION_OP(Op, ...)                                                  \
  SmallVector<utils::IteratorType> Op::getLoopIterators() {                    \
    auto loops = parallelLoops(tensorType(getOperand()).getRank());            \
    for (int64_t dim : getDims())                                              \
      loops[dim] = utils::IteratorType::reduction;                             \
    return loops;                                                              \
  }                                                                            \
  SmallVector<AffineMap> Op::getLoopMaps() {                                   \
    int64_t rank = tensorType(getOperand()).getRank();                         \
    return {AffineMap::getMultiDimIdentityMap(rank, getContext()),             \
            projection(getContext(), rank, otherDims(getDims(), rank))};       \
  }                                                                            \
  dist::ShardingRule Op::getShardingRule() {                                   \
    return getStructuredRule(*this, __VA_ARGS__);                              \
  }                                                                            \
  int64_t Op::getFlops() { return tensorType(getOperand()).getNumElements(); } \
  SmallVector<Value> Op::buildBody(OpBuilder &, Location, ValueRange args) {   \
    return {args[0]};                                                          \
  }

REDUCTION_OP(SumOp, {{0}})
REDUCTION_OP(MaxOp, {})
REDUCTION_OP(MinOp, {})

#undef REDUCTION_OP

LogicalResult SumOp::verify() {
  return verifyReduction(*this, "the sum", getDims());
}
LogicalResult MaxOp::verify() {
  return verifyReduction(*this, "the maximum", getDims());
}
LogicalResult MinOp::verify() {
  return verifyReduction(*this, "the minimum", getDims());
}

dist::ReductionKind MaxOp::getReductionKind() {
  return dist::ReductionKind::Max;
}
dist::ReductionKind MinOp::getReductionKind() {
  return dist::ReductionKind::Min;
}

LogicalResult SumOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] = TensorFormula(b, getLoc(), getOperand().getType())
                       .repeat(cotangents[0], getDims());
  return success();
}

/// Elements that are the extreme share its gradient. They are counted in the
/// type that is computed in: bf16 cannot count to 257.
template <typename Op>
static Value buildExtremeGradient(Op op, OpBuilder &b, Value cotangent) {
  RankedTensorType type = tensorType(op.getOperand());
  TensorFormula narrow(b, op.getLoc(), type);
  TensorFormula wide(
      b, op.getLoc(),
      type.clone(type.getShape(), getComputeType(type.getElementType())));
  Value isExtreme = narrow.compare(Predicate::Eq, op.getOperand(),
                                   narrow.repeat(op.getResult(), op.getDims()));
  Value mask = wide.make<CastOp>(isExtreme);
  Value count = wide.reduce<SumOp>(mask, op.getDims());
  TensorFormula reduced = wide.on(count);
  Value share = reduced.div(reduced.cast(cotangent), count);
  return narrow.cast(wide.mul(mask, wide.repeat(share, op.getDims())));
}

LogicalResult MaxOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] = buildExtremeGradient(*this, b, cotangents[0]);
  return success();
}

LogicalResult MinOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] = buildExtremeGradient(*this, b, cotangents[0]);
  return success();
}
