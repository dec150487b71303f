//===- ElementwiseOp.h - Definitions of elementwise ops ---------*- C++ -*-===//
//
// Private to the dialect's sources. An elementwise op is one line here and two
// formulas: `bodyOf` on scalars, and `slopeOf` on tensors (of one operand) or
// `buildVjp` (of two).
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_FABRIC_ELEMENTWISEOP_H
#define FABRIC_DIALECTS_FABRIC_ELEMENTWISEOP_H

#include "dialects/Fabric/IR/Formula.h"

/// Loops, maps and rule. The last argument lists the sets of operands that the
/// op is jointly linear in.
#define FABRIC_ELEMENTWISE_LOOPS(Op, flopsAnElement, ...)                      \
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

/// All but the derivative, of an op on floats of one type.
#define FABRIC_ELEMENTWISE_OP(Op, flopsAnElement, ...)                         \
  FABRIC_ELEMENTWISE_LOOPS(Op, flopsAnElement, __VA_ARGS__)                    \
  LogicalResult Op::verify() { return verifySameShapeAndElementType(*this); }  \
  SmallVector<Value> Op::buildBody(OpBuilder &b, Location loc,                 \
                                   ValueRange args) {                          \
    return {bodyOf(*this, ScalarFormula(b, loc), args)};                       \
  }

/// An op of one operand, whose gradient is the result's times a slope: in the
/// type that bodies compute in, and rounded once.
#define FABRIC_UNARY_OP(Op, flopsAnElement, ...)                               \
  FABRIC_ELEMENTWISE_OP(Op, flopsAnElement, __VA_ARGS__)                       \
  LogicalResult Op::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,         \
                             ArrayRef<bool> needed,                            \
                             MutableArrayRef<Value> gradients) {               \
    if (!needed[0])                                                            \
      return success();                                                        \
    RankedTensorType type = tensorType(getOperand());                          \
    TensorFormula f(b, getLoc(),                                               \
                    type.clone(getComputeType(type.getElementType())));        \
    gradients[0] = TensorFormula(b, getLoc(), type)                            \
                       .cast(f.mul(f.cast(cotangents[0]), slopeOf(*this, f))); \
    return success();                                                          \
  }

#endif // FABRIC_DIALECTS_FABRIC_ELEMENTWISEOP_H
