//===- Choice.cpp - Comparisons, and what is taken or let through ---------===//

#include "dialects/Fabric/IR/ElementwiseOp.h"

using namespace mlir;
using namespace mlir::fabric;

FABRIC_ELEMENTWISE_LOOPS(CompareOp, 1, {})
FABRIC_ELEMENTWISE_LOOPS(SelectOp, 1, {{1, 2}})
FABRIC_ELEMENTWISE_LOOPS(StopGradientOp, 0, {{0}})

//===----------------------------------------------------------------------===//
// CompareOp
//===----------------------------------------------------------------------===//

LogicalResult CompareOp::verify() {
  RankedTensorType lhs = tensorType(getLhs()), rhs = tensorType(getRhs()),
                   result = tensorType(getResult());
  if (lhs.getShape() != rhs.getShape() ||
      lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "expects operands of one shape and element type, "
                            "found "
                         << lhs << " and " << rhs;
  if (result.getShape() != lhs.getShape() ||
      !result.getElementType().isInteger(1))
    return emitOpError() << "expects a result of type "
                         << RankedTensorType::get(
                                lhs.getShape(),
                                IntegerType::get(getContext(), 1))
                         << ", found " << result;
  return success();
}

SmallVector<Value> CompareOp::buildBody(OpBuilder &b, Location loc,
                                        ValueRange args) {
  using arith::CmpFPredicate, arith::CmpIPredicate;
  static constexpr CmpFPredicate floats[] = {
      CmpFPredicate::OEQ, CmpFPredicate::UNE, CmpFPredicate::OLT,
      CmpFPredicate::OLE, CmpFPredicate::OGT, CmpFPredicate::OGE};
  static constexpr CmpIPredicate integers[] = {
      CmpIPredicate::eq,  CmpIPredicate::ne,  CmpIPredicate::slt,
      CmpIPredicate::sle, CmpIPredicate::sgt, CmpIPredicate::sge};
  static constexpr CmpIPredicate bools[] = {
      CmpIPredicate::eq,  CmpIPredicate::ne,  CmpIPredicate::ult,
      CmpIPredicate::ule, CmpIPredicate::ugt, CmpIPredicate::uge};
  auto kind = static_cast<unsigned>(getPredicate());
  Type element = getElementTypeOrSelf(args[0].getType());
  if (isa<FloatType>(element))
    return {arith::CmpFOp::create(b, loc, floats[kind], args[0], args[1])};
  return {arith::CmpIOp::create(
      b, loc, element.isInteger(1) ? bools[kind] : integers[kind], args[0],
      args[1])};
}

/// Constant almost everywhere.
LogicalResult CompareOp::buildVjp(OpBuilder &, ArrayRef<Value>, ArrayRef<bool>,
                                  MutableArrayRef<Value>) {
  return success();
}

//===----------------------------------------------------------------------===//
// SelectOp
//===----------------------------------------------------------------------===//

LogicalResult SelectOp::verify() {
  RankedTensorType condition = tensorType(getCondition()),
                   result = tensorType(getResult());
  if (!condition.getElementType().isInteger(1) ||
      condition.getShape() != result.getShape())
    return emitOpError() << "expects a condition of i1 and of the result's "
                            "shape, found "
                         << condition << " for " << result;
  for (Value value : {getOnTrue(), getOnFalse()}) {
    RankedTensorType type = tensorType(value);
    if (type.getShape() != result.getShape() ||
        type.getElementType() != result.getElementType())
      return emitOpError() << "expects values of the result's shape and "
                              "element type, found "
                           << type << " and " << result;
  }
  return success();
}

SmallVector<Value> SelectOp::buildBody(OpBuilder &b, Location loc,
                                       ValueRange args) {
  return {arith::SelectOp::create(b, loc, args[0], args[1], args[2])};
}

LogicalResult SelectOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                 ArrayRef<bool> needed,
                                 MutableArrayRef<Value> gradients) {
  TensorFormula f(b, getLoc(), getOnTrue().getType());
  Value zero = f.number(0.0);
  if (needed[1])
    gradients[1] = f.select(getCondition(), cotangents[0], zero);
  if (needed[2])
    gradients[2] = f.select(getCondition(), zero, cotangents[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// StopGradientOp
//===----------------------------------------------------------------------===//

LogicalResult StopGradientOp::verify() {
  return verifySameShapeAndElementType(*this);
}

SmallVector<Value> StopGradientOp::buildBody(OpBuilder &, Location,
                                             ValueRange args) {
  return {args[0]};
}

LogicalResult StopGradientOp::buildVjp(OpBuilder &, ArrayRef<Value>,
                                       ArrayRef<bool>, MutableArrayRef<Value>) {
  return success();
}
