//===- Arithmetic.cpp - Sums, products, quotients, the larger of two ------===//

#include "dialects/Fabric/IR/ElementwiseOp.h"

using namespace mlir;
using namespace mlir::fabric;

static Value bodyOf(AddOp, const ScalarFormula &f, ValueRange x) {
  return f.add(x[0], x[1]);
}
static Value bodyOf(SubOp, const ScalarFormula &f, ValueRange x) {
  return f.sub(x[0], x[1]);
}
static Value bodyOf(MulOp, const ScalarFormula &f, ValueRange x) {
  return f.mul(x[0], x[1]);
}
static Value bodyOf(DivOp, const ScalarFormula &f, ValueRange x) {
  return f.div(x[0], x[1]);
}
static Value bodyOf(NegOp, const ScalarFormula &f, ValueRange x) {
  return f.neg(x[0]);
}
static Value bodyOf(MaximumOp, const ScalarFormula &f, ValueRange x) {
  return f.make<arith::MaximumFOp>(x[0], x[1]);
}
static Value bodyOf(MinimumOp, const ScalarFormula &f, ValueRange x) {
  return f.make<arith::MinimumFOp>(x[0], x[1]);
}

FABRIC_ELEMENTWISE_OP(AddOp, 1, {{0, 1}})
FABRIC_ELEMENTWISE_OP(SubOp, 1, {{0, 1}})
FABRIC_ELEMENTWISE_OP(MulOp, 1, {{0}, {1}})
FABRIC_ELEMENTWISE_OP(DivOp, 1, {{0}})
FABRIC_ELEMENTWISE_OP(NegOp, 1, {{0}})
FABRIC_ELEMENTWISE_OP(MaximumOp, 1, {})
FABRIC_ELEMENTWISE_OP(MinimumOp, 1, {})

LogicalResult AddOp::buildVjp(OpBuilder &, ArrayRef<Value> cotangents,
                              ArrayRef<bool>,
                              MutableArrayRef<Value> gradients) {
  gradients[0] = gradients[1] = cotangents[0];
  return success();
}

LogicalResult SubOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  TensorFormula f(b, getLoc(), getRhs().getType());
  gradients[0] = cotangents[0];
  if (needed[1])
    gradients[1] = f.neg(cotangents[0]);
  return success();
}

LogicalResult MulOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  TensorFormula f(b, getLoc(), getLhs().getType());
  if (needed[0])
    gradients[0] = f.mul(cotangents[0], getRhs());
  if (needed[1])
    gradients[1] = f.mul(cotangents[0], getLhs());
  return success();
}

/// dy / b, and -dy (a / b) / b
LogicalResult DivOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  TensorFormula f(b, getLoc(), getLhs().getType());
  Value quotient = f.div(cotangents[0], getRhs());
  if (needed[0])
    gradients[0] = quotient;
  if (needed[1])
    gradients[1] = f.neg(f.mul(quotient, getResult()));
  return success();
}

LogicalResult NegOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        TensorFormula(b, getLoc(), getOperand().getType()).neg(cotangents[0]);
  return success();
}

/// The gradient goes to the operand that was taken, half of it to each of two
/// that are equal.
template <typename Op>
static void buildChoiceVjp(Op op, OpBuilder &b, Predicate takesLhs,
                           Value cotangent, ArrayRef<bool> needed,
                           MutableArrayRef<Value> gradients) {
  TensorFormula f(b, op.getLoc(), op.getLhs().getType());
  Value zero = f.number(0.0);
  Value tie = f.compare(Predicate::Eq, op.getLhs(), op.getRhs());
  Value share = f.select(tie, f.scale(cotangent, 0.5), cotangent);
  for (unsigned operand = 0; operand < 2; ++operand)
    if (needed[operand])
      gradients[operand] = f.select(f.compare(takesLhs, op->getOperand(operand),
                                              op->getOperand(1 - operand)),
                                    share, zero);
}

LogicalResult MaximumOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                  ArrayRef<bool> needed,
                                  MutableArrayRef<Value> gradients) {
  buildChoiceVjp(*this, b, Predicate::Ge, cotangents[0], needed, gradients);
  return success();
}

LogicalResult MinimumOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                  ArrayRef<bool> needed,
                                  MutableArrayRef<Value> gradients) {
  buildChoiceVjp(*this, b, Predicate::Le, cotangents[0], needed, gradients);
  return success();
}
