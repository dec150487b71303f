//===- Elementwise.cpp - Ops on corresponding elements --------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::fabric;

// What all elementwise ops share: loops, maps and rule. `groups` are the sets
// of operands that the op is jointly linear in.
#define ELEMENTWISE_OP(Op, flopsAnElement, ...)                                \
  LogicalResult Op::verify() { return verifySameShapeAndElementType(*this); }  \
  SmallVector<utils::IteratorType> Op::getLoopIterators() {                    \
    return parallelLoops(tensorType(getResult()).getRank());                   \
  }                                                                            \
  SmallVector<AffineMap> Op::getLoopMaps() {                                   \
    return identityMaps(getContext(), tensorType(getResult()).getRank(),       \
                        (*this)->getNumOperands() + 1);                        \
  }                                                                            \
  dist::ShardingRule Op::getShardingRule() {                                   \
    return getStructuredRule(*this, __VA_ARGS__);                              \
  }                                                                            \
  int64_t Op::getFlops() {                                                     \
    return flopsAnElement * tensorType(getResult()).getNumElements();          \
  }

ELEMENTWISE_OP(AddOp, 1, {{0, 1}})
ELEMENTWISE_OP(SubOp, 1, {{0, 1}})
ELEMENTWISE_OP(MulOp, 1, {{0}, {1}})
ELEMENTWISE_OP(NegOp, 1, {{0}})
ELEMENTWISE_OP(SigmoidOp, 4, {})
ELEMENTWISE_OP(SiluOp, 5, {})

#undef ELEMENTWISE_OP

/// The type of a gradient of `value`.
static Type gradientType(Value value) { return value.getType(); }

//===----------------------------------------------------------------------===//
// AddOp, SubOp, MulOp, NegOp
//===----------------------------------------------------------------------===//

SmallVector<Value> AddOp::buildBody(OpBuilder &b, Location loc,
                                    ValueRange args) {
  return {arith::AddFOp::create(b, loc, args[0], args[1])};
}

LogicalResult AddOp::buildVjp(OpBuilder &, ArrayRef<Value> cotangents,
                              ArrayRef<bool>,
                              MutableArrayRef<Value> gradients) {
  gradients[0] = gradients[1] = cotangents[0];
  return success();
}

SmallVector<Value> SubOp::buildBody(OpBuilder &b, Location loc,
                                    ValueRange args) {
  return {arith::SubFOp::create(b, loc, args[0], args[1])};
}

LogicalResult SubOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  gradients[0] = cotangents[0];
  if (needed[1])
    gradients[1] =
        NegOp::create(b, getLoc(), gradientType(getRhs()), cotangents[0]);
  return success();
}

SmallVector<Value> MulOp::buildBody(OpBuilder &b, Location loc,
                                    ValueRange args) {
  return {arith::MulFOp::create(b, loc, args[0], args[1])};
}

LogicalResult MulOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] = MulOp::create(b, getLoc(), gradientType(getLhs()),
                                 cotangents[0], getRhs());
  if (needed[1])
    gradients[1] = MulOp::create(b, getLoc(), gradientType(getRhs()),
                                 cotangents[0], getLhs());
  return success();
}

SmallVector<Value> NegOp::buildBody(OpBuilder &b, Location loc,
                                    ValueRange args) {
  return {arith::NegFOp::create(b, loc, args[0])};
}

LogicalResult NegOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        NegOp::create(b, getLoc(), gradientType(getOperand()), cotangents[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// SigmoidOp, SiluOp
//===----------------------------------------------------------------------===//

/// 1 + exp(-x)
static Value onePlusExpMinus(OpBuilder &b, Location loc, Value x) {
  Value exp = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, x));
  return arith::AddFOp::create(b, loc, exp,
                               floatConstant(b, loc, x.getType(), 1.0));
}

SmallVector<Value> SigmoidOp::buildBody(OpBuilder &b, Location loc,
                                        ValueRange args) {
  Value one = floatConstant(b, loc, args[0].getType(), 1.0);
  return {arith::DivFOp::create(b, loc, one, onePlusExpMinus(b, loc, args[0]))};
}

/// s (1 - s) dy
LogicalResult SigmoidOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                  ArrayRef<bool> needed,
                                  MutableArrayRef<Value> gradients) {
  if (!needed[0])
    return success();
  Type type = gradientType(getOperand());
  Value s = getResult();
  Value rest = SubOp::create(b, getLoc(), type,
                             splatLike(b, getLoc(), getOperand(), 1.0), s);
  Value slope = MulOp::create(b, getLoc(), type, s, rest);
  gradients[0] = MulOp::create(b, getLoc(), type, cotangents[0], slope);
  return success();
}

SmallVector<Value> SiluOp::buildBody(OpBuilder &b, Location loc,
                                     ValueRange args) {
  return {
      arith::DivFOp::create(b, loc, args[0], onePlusExpMinus(b, loc, args[0]))};
}

/// With s = sigmoid(x): (s + x s (1 - s)) dy
LogicalResult SiluOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                               ArrayRef<bool> needed,
                               MutableArrayRef<Value> gradients) {
  if (!needed[0])
    return success();
  Location loc = getLoc();
  Type type = gradientType(getOperand());
  Value s = SigmoidOp::create(b, loc, type, getOperand());
  Value one = splatLike(b, loc, getOperand(), 1.0);
  Value rest = SubOp::create(b, loc, type, one, s);
  Value silu = MulOp::create(b, loc, type, getOperand(), s);
  Value curve = MulOp::create(b, loc, type, silu, rest);
  Value slope = AddOp::create(b, loc, type, s, curve);
  gradients[0] = MulOp::create(b, loc, type, cotangents[0], slope);
  return success();
}

//===----------------------------------------------------------------------===//
// CastOp
//===----------------------------------------------------------------------===//

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
