//===- Optimizer.cpp - Ops that update parameters -------------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::fabric;

LogicalResult AdamWOp::verify() {
  RankedTensorType param = tensorType(getParam());
  for (Value value : {getGradient(), getExpAvg(), getExpAvgSq(), getNewParam(),
                      getNewExpAvg(), getNewExpAvgSq()}) {
    RankedTensorType type = tensorType(value);
    if (type.getShape() != param.getShape() ||
        type.getElementType() != param.getElementType())
      return emitOpError()
             << "expects parameter, gradient, moments and results "
                "of one shape and element type, found "
             << param << " and " << type;
  }
  for (Value value : {getLr(), getStep()})
    if (tensorType(value).getRank() != 0 ||
        !tensorType(value).getElementType().isF64())
      return emitOpError()
             << "expects lr and step to be f64 tensors of rank 0, found "
             << value.getType();
  return success();
}

SmallVector<utils::IteratorType> AdamWOp::getLoopIterators() {
  return parallelLoops(tensorType(getParam()).getRank());
}

SmallVector<AffineMap> AdamWOp::getLoopMaps() {
  int64_t rank = tensorType(getParam()).getRank();
  SmallVector<AffineMap> maps = identityMaps(getContext(), rank, 4);
  maps.append(2, projection(getContext(), rank, {}));
  maps.append(identityMaps(getContext(), rank, 3));
  return maps;
}

/// Not linear: gradients are reduced before.
dist::ShardingRule AdamWOp::getShardingRule() {
  return getStructuredRule(*this, {});
}

int64_t AdamWOp::getFlops() {
  return 14 * tensorType(getParam()).getNumElements();
}

unsigned AdamWOp::getUpdatedOperand(unsigned result) {
  static constexpr unsigned updated[] = {0, 2, 3};
  return updated[result];
}

LogicalResult AdamWOp::buildVjp(OpBuilder &, ArrayRef<Value>, ArrayRef<bool>,
                                MutableArrayRef<Value>) {
  return emitOpError() << "has no derivative";
}

/// Rounds a number that depends on lr and step alone to the type of `like`.
static Value roundTo(OpBuilder &b, Location loc, Value scalar, Type like) {
  Type element = getElementTypeOrSelf(like);
  if (getElementTypeOrSelf(scalar.getType()) == element)
    return scalar;
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(scalar.getType()))
    type = vector.clone(element);
  return arith::TruncFOp::create(b, loc, type, scalar);
}

SmallVector<Value> AdamWOp::buildBody(OpBuilder &b, Location loc,
                                      ValueRange args) {
  Value param = args[0], grad = args[1], avg = args[2], avgSq = args[3];
  Value lr = args[4], step = args[5];
  Type type = param.getType(), wide = lr.getType();
  auto add = [&](Value l, Value r) -> Value {
    return arith::AddFOp::create(b, loc, l, r);
  };
  auto sub = [&](Value l, Value r) -> Value {
    return arith::SubFOp::create(b, loc, l, r);
  };
  auto mul = [&](Value l, Value r) -> Value {
    return arith::MulFOp::create(b, loc, l, r);
  };
  auto div = [&](Value l, Value r) -> Value {
    return arith::DivFOp::create(b, loc, l, r);
  };
  auto constant = [&](Type ofType, double value) {
    return floatConstant(b, loc, ofType, value);
  };
  double beta1 = getBeta1().convertToDouble();
  double beta2 = getBeta2().convertToDouble();

  // Of lr and step alone; lowering computes it once a call.
  Value one = constant(wide, 1.0);
  Value correction1 =
      sub(one, math::PowFOp::create(b, loc, constant(wide, beta1), step));
  Value correction2 =
      sub(one, math::PowFOp::create(b, loc, constant(wide, beta2), step));
  Value decay = roundTo(
      b, loc,
      sub(one, mul(lr, constant(wide, getWeightDecay().convertToDouble()))),
      type);
  Value stepSize = roundTo(b, loc, div(lr, correction1), type);
  Value rootScale = roundTo(
      b, loc, div(one, math::SqrtOp::create(b, loc, correction2)), type);

  Value newAvg = add(mul(constant(type, beta1), avg),
                     mul(constant(type, 1.0 - beta1), grad));
  Value newAvgSq = add(mul(constant(type, beta2), avgSq),
                       mul(mul(constant(type, 1.0 - beta2), grad), grad));
  Value denominator =
      add(mul(math::SqrtOp::create(b, loc, newAvgSq), rootScale),
          constant(type, getEps().convertToDouble()));
  Value newParam =
      sub(mul(param, decay), mul(stepSize, div(newAvg, denominator)));
  return {newParam, newAvg, newAvgSq};
}
