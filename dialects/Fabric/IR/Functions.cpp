//===- Functions.cpp - Functions of one number ----------------------------===//

#include "dialects/Fabric/IR/ElementwiseOp.h"

using namespace mlir;
using namespace mlir::fabric;

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

static Value bodyOf(ExpOp, const ScalarFormula &f, ValueRange x) {
  return f.exp(x[0]);
}
static Value bodyOf(LogOp, const ScalarFormula &f, ValueRange x) {
  return f.make<math::LogOp>(x[0]);
}
static Value bodyOf(SqrtOp, const ScalarFormula &f, ValueRange x) {
  return f.sqrt(x[0]);
}
static Value bodyOf(RsqrtOp, const ScalarFormula &f, ValueRange x) {
  return f.div(f.number(1.0, x[0]), f.sqrt(x[0]));
}
static Value bodyOf(AbsOp, const ScalarFormula &f, ValueRange x) {
  return f.make<math::AbsFOp>(x[0]);
}
static Value bodyOf(ErfOp, const ScalarFormula &f, ValueRange x) {
  return f.erf(x[0]);
}
static Value bodyOf(TanhOp, const ScalarFormula &f, ValueRange x) {
  return f.tanh(x[0]);
}

/// Products and roots where they are all that there is to it.
static Value bodyOf(PowOp op, const ScalarFormula &f, ValueRange args) {
  Value x = args[0], one = f.number(1.0, x);
  double exponent = op.getExponent().convertToDouble();
  if (exponent == 0.0)
    return one;
  if (exponent == 1.0)
    return x;
  if (exponent == 2.0)
    return f.mul(x, x);
  if (exponent == 3.0)
    return f.mul(f.mul(x, x), x);
  if (exponent == -1.0)
    return f.div(one, x);
  return f.make<math::PowFOp>(x, f.number(exponent, x));
}

/// 1 + exp(-x)
static Value onePlusExpMinus(const ScalarFormula &f, Value x) {
  return f.add(f.exp(f.neg(x)), f.number(1.0, x));
}

static Value bodyOf(SigmoidOp, const ScalarFormula &f, ValueRange x) {
  return f.div(f.number(1.0, x[0]), onePlusExpMinus(f, x[0]));
}
static Value bodyOf(SiluOp, const ScalarFormula &f, ValueRange x) {
  return f.div(x[0], onePlusExpMinus(f, x[0]));
}
static Value bodyOf(ReluOp, const ScalarFormula &f, ValueRange x) {
  return f.make<arith::MaximumFOp>(x[0], f.number(0.0, x[0]));
}

/// Of the tanh approximation: sqrt(2 / pi), and the cubic term's factor.
static constexpr double tanhScale = 0.7978845608028654, cubic = 0.044715;
static constexpr double rootOfHalf = 0.7071067811865476;

static Value bodyOf(GeluOp op, const ScalarFormula &f, ValueRange args) {
  Value x = args[0], one = f.number(1.0, x), part;
  if (op.getTanh()) {
    Value cube = f.mul(f.mul(f.mul(x, x), x), f.number(cubic, x));
    part = f.tanh(f.mul(f.number(tanhScale, x), f.add(x, cube)));
  } else {
    part = f.erf(f.mul(x, f.number(rootOfHalf, x)));
  }
  return f.mul(f.mul(f.number(0.5, x), x), f.add(one, part));
}

//===----------------------------------------------------------------------===//
// Slopes
//===----------------------------------------------------------------------===//

static Value slopeOf(ExpOp op, const TensorFormula &f) {
  return f.cast(op.getResult());
}
static Value slopeOf(LogOp op, const TensorFormula &f) {
  return f.div(f.number(1.0), f.cast(op.getOperand()));
}
static Value slopeOf(SqrtOp op, const TensorFormula &f) {
  return f.div(f.number(0.5), f.cast(op.getResult()));
}
static Value slopeOf(RsqrtOp op, const TensorFormula &f) {
  Value y = f.cast(op.getResult());
  return f.scale(f.mul(f.mul(y, y), y), -0.5);
}
static Value slopeOf(AbsOp op, const TensorFormula &f) {
  Value x = f.cast(op.getOperand()), zero = f.number(0.0);
  return f.select(
      f.compare(Predicate::Gt, x, zero), f.number(1.0),
      f.select(f.compare(Predicate::Lt, x, zero), f.number(-1.0), zero));
}
/// 2 / sqrt(pi) exp(-x^2)
static Value slopeOf(ErfOp op, const TensorFormula &f) {
  Value x = f.cast(op.getOperand());
  return f.scale(f.exp(f.neg(f.mul(x, x))), 1.1283791670955126);
}
static Value slopeOf(TanhOp op, const TensorFormula &f) {
  Value y = f.cast(op.getResult());
  return f.sub(f.number(1.0), f.mul(y, y));
}
static Value slopeOf(PowOp op, const TensorFormula &f) {
  double exponent = op.getExponent().convertToDouble();
  // Not 0 x^-1, which is no number at 0.
  if (exponent == 0.0)
    return f.number(0.0);
  return f.scale(
      f.make<PowOp>(f.cast(op.getOperand()), APFloat(exponent - 1.0)),
      exponent);
}
/// s (1 - s)
static Value slopeOf(SigmoidOp op, const TensorFormula &f) {
  Value s = f.cast(op.getResult());
  return f.mul(s, f.sub(f.number(1.0), s));
}
/// With s = sigmoid(x): s + x s (1 - s)
static Value slopeOf(SiluOp op, const TensorFormula &f) {
  Value x = f.cast(op.getOperand()), s = f.sigmoid(x);
  Value rest = f.sub(f.number(1.0), s);
  return f.add(s, f.mul(f.mul(x, s), rest));
}
static Value slopeOf(ReluOp op, const TensorFormula &f) {
  Value zero = f.number(0.0);
  return f.select(f.compare(Predicate::Gt, f.cast(op.getOperand()), zero),
                  f.number(1.0), zero);
}
/// The probability, and x times its density; for the approximation likewise.
static Value slopeOf(GeluOp op, const TensorFormula &f) {
  Value x = f.cast(op.getOperand()), one = f.number(1.0), square = f.mul(x, x);
  if (!op.getTanh()) {
    Value probability = f.scale(f.add(one, f.erf(f.scale(x, rootOfHalf))), 0.5);
    Value density = f.scale(f.exp(f.scale(square, -0.5)), tanhScale * 0.5);
    return f.add(probability, f.mul(x, density));
  }
  Value inner = f.add(x, f.scale(f.mul(square, x), cubic));
  Value part = f.tanh(f.scale(inner, tanhScale));
  Value curve = f.scale(f.add(one, f.scale(square, 3.0 * cubic)), tanhScale);
  Value rest = f.mul(f.mul(x, f.sub(one, f.mul(part, part))), curve);
  return f.scale(f.add(f.add(one, part), rest), 0.5);
}

FABRIC_UNARY_OP(ExpOp, 4, {})
FABRIC_UNARY_OP(LogOp, 4, {})
FABRIC_UNARY_OP(SqrtOp, 1, {})
FABRIC_UNARY_OP(RsqrtOp, 2, {})
FABRIC_UNARY_OP(AbsOp, 1, {})
FABRIC_UNARY_OP(ErfOp, 8, {})
FABRIC_UNARY_OP(TanhOp, 8, {})
FABRIC_UNARY_OP(PowOp, 8, {})
FABRIC_UNARY_OP(SigmoidOp, 4, {})
FABRIC_UNARY_OP(SiluOp, 5, {})
FABRIC_UNARY_OP(ReluOp, 1, {})
FABRIC_UNARY_OP(GeluOp, 12, {})
