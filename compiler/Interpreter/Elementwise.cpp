//===- Elementwise.cpp - Elementwise ops, interpreted ---------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

template <double (*function)(double)>
static LogicalResult unary(Operation *, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i)
    results[0].floats[i] = function(operands[0]->floats[i]);
  return success();
}

template <double (*function)(double, double)>
static LogicalResult binary(Operation *, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i)
    results[0].floats[i] =
        function(operands[0]->floats[i], operands[1]->floats[i]);
  return success();
}

static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double neg(double a) { return -a; }
static double sigmoid(double a) { return 1.0 / (1.0 + std::exp(-a)); }
static double silu(double a) { return a / (1.0 + std::exp(-a)); }
static double quotient(double a, double b) { return a / b; }
static double maximum(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}
static double minimum(double a, double b) {
  return std::isnan(a) || a < b ? a : b;
}
static double rsqrt(double a) { return 1.0 / std::sqrt(a); }
static double relu(double a) { return a < 0.0 ? 0.0 : a; }
/// erfc keeps its digits where 1 + erf has none left.
static double gelu(double a) { return 0.5 * a * std::erfc(-a / M_SQRT2); }
static double tanhGelu(double a) {
  double inner = std::sqrt(2.0 / M_PI) * (a + 0.044715 * a * a * a);
  return 0.5 * a * (1.0 + std::tanh(inner));
}

static LogicalResult geluOp(Operation *op, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  return cast<GeluOp>(op).getTanh() ? unary<tanhGelu>(op, operands, results)
                                    : unary<gelu>(op, operands, results);
}

static LogicalResult power(Operation *op, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  double exponent = cast<PowOp>(op).getExponent().convertToDouble();
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i)
    results[0].floats[i] = std::pow(operands[0]->floats[i], exponent);
  return success();
}

template <typename T> static bool holds(Predicate predicate, T a, T b) {
  switch (predicate) {
  case Predicate::Eq:
    return a == b;
  case Predicate::Ne:
    return a != b;
  case Predicate::Lt:
    return a < b;
  case Predicate::Le:
    return a <= b;
  case Predicate::Gt:
    return a > b;
  case Predicate::Ge:
    return a >= b;
  }
  return false;
}

static LogicalResult compare(Operation *op, ArrayRef<const Tensor *> operands,
                             MutableArrayRef<Tensor> results) {
  Predicate predicate = cast<CompareOp>(op).getPredicate();
  const Tensor &a = *operands[0], &b = *operands[1];
  for (size_t i = 0, e = results[0].integers.size(); i < e; ++i)
    results[0].integers[i] =
        a.isFloat() ? holds(predicate, a.floats[i], b.floats[i])
                    : holds(predicate, a.integers[i], b.integers[i]);
  return success();
}

static LogicalResult select(Operation *, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  Tensor &to = results[0];
  for (int64_t i = 0, e = to.getNumElements(); i < e; ++i) {
    const Tensor &from = *operands[operands[0]->integers[i] ? 1 : 2];
    if (to.isFloat())
      to.floats[i] = from.floats[i];
    else
      to.integers[i] = from.integers[i];
  }
  return success();
}

static LogicalResult same(Operation *, ArrayRef<const Tensor *> operands,
                          MutableArrayRef<Tensor> results) {
  results[0] = *operands[0];
  return success();
}

/// Between floats nothing happens, for all are f64 here. Integers keep the low
/// bits that their type has.
static LogicalResult cast(Operation *op, ArrayRef<const Tensor *> operands,
                          MutableArrayRef<Tensor> results) {
  const Tensor &from = *operands[0];
  Tensor &to = results[0];
  if (to.isFloat()) {
    for (int64_t i = 0, e = to.getNumElements(); i < e; ++i)
      to.floats[i] = from.at(i);
    return success();
  }
  if (from.isFloat())
    return op->emitOpError() << "casts a float to an integer, which has no "
                                "meaning here";
  unsigned width =
      getElementTypeOrSelf(op->getResult(0).getType()).getIntOrFloatBitWidth();
  for (int64_t i = 0, e = to.getNumElements(); i < e; ++i) {
    APInt bits =
        APInt(64, static_cast<uint64_t>(from.integers[i])).trunc(width);
    to.integers[i] = width == 1 ? static_cast<int64_t>(bits.getZExtValue())
                                : bits.getSExtValue();
  }
  return success();
}

void mlir::fabric::interpreter::registerElementwise(OpTable &table) {
  table.local[AddOp::getOperationName()] = binary<add>;
  table.local[SubOp::getOperationName()] = binary<sub>;
  table.local[MulOp::getOperationName()] = binary<mul>;
  table.local[NegOp::getOperationName()] = unary<neg>;
  table.local[SigmoidOp::getOperationName()] = unary<sigmoid>;
  table.local[SiluOp::getOperationName()] = unary<silu>;
  table.local[DivOp::getOperationName()] = binary<quotient>;
  table.local[MaximumOp::getOperationName()] = binary<maximum>;
  table.local[MinimumOp::getOperationName()] = binary<minimum>;
  table.local[ExpOp::getOperationName()] = unary<::exp>;
  table.local[LogOp::getOperationName()] = unary<::log>;
  table.local[SqrtOp::getOperationName()] = unary<::sqrt>;
  table.local[RsqrtOp::getOperationName()] = unary<rsqrt>;
  table.local[AbsOp::getOperationName()] = unary<::fabs>;
  table.local[ErfOp::getOperationName()] = unary<::erf>;
  table.local[TanhOp::getOperationName()] = unary<::tanh>;
  table.local[ReluOp::getOperationName()] = unary<relu>;
  table.local[GeluOp::getOperationName()] = geluOp;
  table.local[PowOp::getOperationName()] = power;
  table.local[CompareOp::getOperationName()] = compare;
  table.local[SelectOp::getOperationName()] = select;
  table.local[StopGradientOp::getOperationName()] = same;
  table.local[CastOp::getOperationName()] = ::cast;
}
