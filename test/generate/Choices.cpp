//===- Choices.cpp - Makers of what chooses, and of casts -----------------===//

#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

/// How far two operands are from each other.
static double awayFromTies(Operation *,
                           ArrayRef<const interpreter::Tensor *> operands) {
  double margin = std::numeric_limits<double>::infinity();
  for (auto [a, b] : llvm::zip(operands[0]->floats, operands[1]->floats))
    margin = std::min(margin, std::abs(a - b));
  return margin;
}

template <typename OpT> static void makeExtreme(ModelBuilder &b) {
  Value lhs = b.drawValue();
  Value rhs = b.toApart(b.drawOfShape(b.typeOf(lhs).getShape()));
  if (b.random.chance(50))
    std::swap(lhs, rhs);
  b.push(b.build<OpT>(lhs.getType(), lhs, rhs));
}

static RankedTensorType boolsOf(ModelBuilder &b, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, b.builder.getI1Type());
}

static Type drawIntegerType(ModelBuilder &b) {
  return b.random.chance(50) ? b.builder.getI32Type() : b.builder.getI64Type();
}

/// Of floats, or of integers that are inputs.
static Value makeCondition(ModelBuilder &b, ArrayRef<int64_t> shape) {
  auto predicate = static_cast<Predicate>(b.random.below(6));
  Value lhs, rhs;
  if (b.random.chance(25)) {
    Type element = drawIntegerType(b);
    lhs = b.makeInput(shape, element);
    rhs = b.makeInput(shape, element);
  } else {
    lhs = b.drawOfShape(shape);
    rhs = b.toApart(b.drawOfShape(shape));
  }
  return b.build<CompareOp>(boolsOf(b, shape), predicate, lhs, rhs);
}

static void makeCompare(ModelBuilder &b) {
  Shape shape(b.typeOf(b.drawValue()).getShape());
  b.push(b.build<CastOp>(b.type(shape), makeCondition(b, shape)));
}

static void makeSelect(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape shape(b.typeOf(value).getShape());
  Value condition = b.random.chance(20)
                        ? b.makeInput(shape, b.builder.getI1Type())
                        : makeCondition(b, shape);
  Value other = b.drawOfShape(shape);
  if (b.random.chance(50))
    std::swap(value, other);
  b.push(b.build<SelectOp>(b.type(shape), condition, value, other));
}

/// From integers; to a narrower float type and back.
static void makeCast(ModelBuilder &b) {
  if (b.settings.narrow && b.random.chance(60)) {
    Value value = b.drawValue();
    Type f32 = b.typeOf(value).clone(b.builder.getF32Type());
    value = b.build<CastOp>(f32, value);
    if (b.random.chance(50))
      value = b.build<NegOp>(f32, value);
    return b.push(b.build<CastOp>(b.type(b.typeOf(value).getShape()), value));
  }
  Value value = b.makeInput(b.drawShape(), drawIntegerType(b));
  b.push(b.build<CastOp>(b.type(b.typeOf(value).getShape()), value));
}

ArrayRef<OpMaker> mlir::fabric::generate::getChoiceMakers() {
  static constexpr OpMaker makers[] = {
      {MaximumOp::getOperationName(), Whole::Forward, makeExtreme<MaximumOp>,
       awayFromTies},
      {MinimumOp::getOperationName(), Whole::Forward, makeExtreme<MinimumOp>,
       awayFromTies},
      {CompareOp::getOperationName(), Whole::Always, makeCompare, awayFromTies},
      {SelectOp::getOperationName(), Whole::Always, makeSelect},
      {CastOp::getOperationName(), Whole::Always, makeCast}};
  return makers;
}
