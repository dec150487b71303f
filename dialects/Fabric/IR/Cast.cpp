//===- Cast.cpp - Conversions of the element type -------------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::fabric;

LogicalResult CastOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (from.getShape() != to.getShape())
    return emitOpError() << "expects operand and result of one shape, found "
                         << from << " and " << to;
  if (isa<FloatType>(from.getElementType()) &&
      !isa<FloatType>(to.getElementType()))
    return emitOpError() << "cannot cast a float to an integer, found " << from
                         << " and " << to;
  return success();
}

SmallVector<utils::IteratorType> CastOp::getLoopIterators() {
  return parallelLoops(tensorType(getResult()).getRank());
}

SmallVector<AffineMap> CastOp::getLoopMaps() {
  return identityMaps(getContext(), tensorType(getResult()).getRank(), 2);
}

/// Rounding a term to a narrower type is not linear: reduced first.
dist::ShardingRule CastOp::getShardingRule() {
  auto from = dyn_cast<FloatType>(tensorType(getOperand()).getElementType());
  auto to = dyn_cast<FloatType>(tensorType(getResult()).getElementType());
  bool widens = from && to &&
                from.getFPMantissaWidth() <= to.getFPMantissaWidth() &&
                from.getWidth() <= to.getWidth();
  if (widens)
    return getStructuredRule(*this, {{0}});
  return getStructuredRule(*this, {});
}

int64_t CastOp::getFlops() { return tensorType(getResult()).getNumElements(); }

SmallVector<Value> CastOp::buildBody(OpBuilder &b, Location loc,
                                     ValueRange args) {
  Type from = getElementTypeOrSelf(args[0].getType());
  Type to = getComputeType(tensorType(getResult()).getElementType());
  if (from == to)
    return {args[0]};
  Type type = to;
  if (auto vector = dyn_cast<VectorType>(args[0].getType()))
    type = vector.clone(to);
  unsigned fromBits = from.getIntOrFloatBitWidth();
  unsigned toBits = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) {
    if (fromBits < toBits)
      return {arith::ExtFOp::create(b, loc, type, args[0])};
    return {arith::TruncFOp::create(b, loc, type, args[0])};
  }
  bool isBool = fromBits == 1;
  if (isa<FloatType>(to)) {
    if (isBool)
      return {arith::UIToFPOp::create(b, loc, type, args[0])};
    return {arith::SIToFPOp::create(b, loc, type, args[0])};
  }
  if (fromBits > toBits)
    return {arith::TruncIOp::create(b, loc, type, args[0])};
  if (isBool)
    return {arith::ExtUIOp::create(b, loc, type, args[0])};
  return {arith::ExtSIOp::create(b, loc, type, args[0])};
}

LogicalResult CastOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                               ArrayRef<bool> needed,
                               MutableArrayRef<Value> gradients) {
  bool differentiable =
      isa<FloatType>(tensorType(getOperand()).getElementType());
  if (needed[0] && differentiable)
    gradients[0] =
        CastOp::create(b, getLoc(), getOperand().getType(), cotangents[0]);
  return success();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return {};
}
