//===- Functions.cpp - Makers of functions and of arithmetic --------------===//

#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

template <typename OpT> static void makeUnary(ModelBuilder &b) {
  Value value = b.drawValue();
  b.push(b.build<OpT>(value.getType(), value));
}

template <typename OpT> static void makeOfPositive(ModelBuilder &b) {
  Value value = b.toPositive(b.drawValue());
  b.push(b.build<OpT>(value.getType(), value));
}

/// Slopes that jump where the operand is zero.
template <typename OpT> static void makeOfApart(ModelBuilder &b) {
  Value value = b.toApart(b.drawValue());
  b.push(b.build<OpT>(value.getType(), value));
}

static double awayFromZero(Operation *,
                           ArrayRef<const interpreter::Tensor *> operands) {
  double margin = std::numeric_limits<double>::infinity();
  for (double x : operands[0]->floats)
    margin = std::min(margin, std::abs(x));
  return margin;
}

static void makeExp(ModelBuilder &b) {
  Value value = b.toBounded(b.drawValue());
  b.push(b.build<ExpOp>(value.getType(), value));
}

static void makeGelu(ModelBuilder &b) {
  Value value = b.drawValue();
  b.push(b.build<GeluOp>(value.getType(), value, /*tanh=*/b.random.chance(50)));
}

/// Whole exponents of anything, others of what is positive.
static void makePow(ModelBuilder &b) {
  static constexpr double whole[] = {0.0, 1.0, 2.0, 3.0};
  static constexpr double others[] = {-1.0, -0.5, 0.5, 1.5, 2.5};
  Value value = b.drawValue();
  double exponent = b.random.pick(ArrayRef(whole));
  if (!b.settings.whole) {
    bool positive = b.random.chance(50);
    value = positive ? b.toPositive(value) : b.toBounded(value);
    if (positive)
      exponent = b.random.pick(ArrayRef(others));
  }
  b.push(b.build<PowOp>(value.getType(), value, APFloat(exponent)));
}

template <typename OpT> static void makeBinary(ModelBuilder &b) {
  Value lhs = b.drawValue();
  Value rhs = b.drawOfShape(b.typeOf(lhs).getShape());
  if (b.random.chance(30))
    std::swap(lhs, rhs);
  b.push(b.build<OpT>(lhs.getType(), lhs, rhs));
}

static void makeDiv(ModelBuilder &b) {
  Value lhs = b.drawValue();
  Value rhs = b.toPositive(b.drawOfShape(b.typeOf(lhs).getShape()));
  b.push(b.build<DivOp>(lhs.getType(), lhs, rhs));
}

ArrayRef<OpMaker> mlir::fabric::generate::getFunctionMakers() {
  static constexpr OpMaker makers[] = {
      {AddOp::getOperationName(), Whole::Always, makeBinary<AddOp>, nullptr, 8},
      {SubOp::getOperationName(), Whole::Always, makeBinary<SubOp>, nullptr, 4},
      {MulOp::getOperationName(), Whole::Always, makeBinary<MulOp>, nullptr, 4},
      {NegOp::getOperationName(), Whole::Always, makeUnary<NegOp>},
      {StopGradientOp::getOperationName(), Whole::Always,
       makeUnary<StopGradientOp>, nullptr, 1},
      {DivOp::getOperationName(), Whole::Never, makeDiv},
      {SigmoidOp::getOperationName(), Whole::Never, makeUnary<SigmoidOp>},
      {SiluOp::getOperationName(), Whole::Never, makeUnary<SiluOp>},
      {TanhOp::getOperationName(), Whole::Never, makeUnary<TanhOp>},
      {ErfOp::getOperationName(), Whole::Never, makeUnary<ErfOp>},
      {GeluOp::getOperationName(), Whole::Never, makeGelu},
      {ExpOp::getOperationName(), Whole::Never, makeExp},
      {LogOp::getOperationName(), Whole::Never, makeOfPositive<LogOp>},
      {SqrtOp::getOperationName(), Whole::Never, makeOfPositive<SqrtOp>},
      {RsqrtOp::getOperationName(), Whole::Never, makeOfPositive<RsqrtOp>},
      {PowOp::getOperationName(), Whole::Always, makePow},
      {AbsOp::getOperationName(), Whole::Always, makeOfApart<AbsOp>,
       awayFromZero},
      {ReluOp::getOperationName(), Whole::Always, makeOfApart<ReluOp>,
       awayFromZero}};
  return makers;
}
