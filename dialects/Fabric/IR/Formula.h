//===- Formula.h - Expressions in few words ---------------------*- C++ -*-===//
//
// Private to the dialect's sources: bodies are made of `arith` on scalars,
// derivatives and decompositions of `fabric` ops on tensors.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_FABRIC_FORMULA_H
#define FABRIC_DIALECTS_FABRIC_FORMULA_H

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::fabric {

/// On floats, in a body.
class ScalarFormula {
public:
  ScalarFormula(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  template <typename Op, typename... Operands>
  Value make(Operands... operands) const {
    return Op::create(b, loc, operands...);
  }
  Value add(Value l, Value r) const { return make<arith::AddFOp>(l, r); }
  Value sub(Value l, Value r) const { return make<arith::SubFOp>(l, r); }
  Value mul(Value l, Value r) const { return make<arith::MulFOp>(l, r); }
  Value div(Value l, Value r) const { return make<arith::DivFOp>(l, r); }
  Value neg(Value x) const { return make<arith::NegFOp>(x); }
  Value exp(Value x) const { return make<math::ExpOp>(x); }
  Value erf(Value x) const { return make<math::ErfOp>(x); }
  Value tanh(Value x) const { return make<math::TanhOp>(x); }
  Value sqrt(Value x) const { return make<math::SqrtOp>(x); }
  /// A number of the type of `like`.
  Value number(double value, Value like) const {
    return floatConstant(b, loc, like.getType(), value);
  }

private:
  OpBuilder &b;
  Location loc;
};

/// On tensors of one float type and shape.
class TensorFormula {
public:
  TensorFormula(OpBuilder &b, Location loc, Type type)
      : b(b), loc(loc), type(cast<RankedTensorType>(type)) {}

  template <typename Op, typename... Operands>
  Value make(Operands... operands) const {
    return Op::create(b, loc, type, operands...);
  }
  Value add(Value l, Value r) const { return make<AddOp>(l, r); }
  Value sub(Value l, Value r) const { return make<SubOp>(l, r); }
  Value mul(Value l, Value r) const { return make<MulOp>(l, r); }
  Value div(Value l, Value r) const { return make<DivOp>(l, r); }
  Value neg(Value x) const { return make<NegOp>(x); }
  Value exp(Value x) const { return make<ExpOp>(x); }
  Value erf(Value x) const { return make<ErfOp>(x); }
  Value tanh(Value x) const { return make<TanhOp>(x); }
  Value rsqrt(Value x) const { return make<RsqrtOp>(x); }
  Value sigmoid(Value x) const { return make<SigmoidOp>(x); }
  Value number(double value) const {
    return ConstantOp::create(b, loc, type, value);
  }
  Value scale(Value x, double factor) const { return mul(x, number(factor)); }

  /// Where `l` and `r` compare so; of i1.
  Value compare(Predicate predicate, Value l, Value r) const {
    return CompareOp::create(b, loc, type.clone(type.getShape(), b.getI1Type()),
                             predicate, l, r);
  }
  Value select(Value condition, Value l, Value r) const {
    return make<SelectOp>(condition, l, r);
  }
  /// To the formula's type.
  Value cast(Value x) const {
    return getElementTypeOrSelf(x.getType()) == type.getElementType()
               ? x
               : make<CastOp>(x);
  }
  /// `x` without `dims`, as an Op that reduces makes it; and back.
  template <typename Op> Value reduce(Value x, ArrayRef<int64_t> dims) const {
    SmallVector<int64_t> shape;
    for (int64_t dim : otherDims(dims, type.getRank()))
      shape.push_back(type.getDimSize(dim));
    return Op::create(
        b, loc, RankedTensorType::get(shape, type.getElementType()), x, dims);
  }
  Value repeat(Value reduced, ArrayRef<int64_t> dims) const {
    return BroadcastOp::create(b, loc, type, reduced,
                               otherDims(dims, type.getRank()));
  }
  /// The formula on what `reduce` gives.
  TensorFormula on(Value value) const { return {b, loc, value.getType()}; }

private:
  OpBuilder &b;
  Location loc;
  RankedTensorType type;
};

} // namespace mlir::fabric

#endif // FABRIC_DIALECTS_FABRIC_FORMULA_H
