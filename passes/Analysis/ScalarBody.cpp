//===- ScalarBody.cpp - What an op makes of known numbers -----------------===//

#include "passes/Analysis/ScalarBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace mlir::analysis;

static std::optional<double> toNumber(Attribute attr) {
  if (auto number = dyn_cast_if_present<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto number = dyn_cast_if_present<IntegerAttr>(attr))
    return static_cast<double>(number.getValue().getSExtValue());
  return std::nullopt;
}

static Attribute toAttribute(OpBuilder &builder, Type type, double number) {
  if (isa<FloatType>(type))
    return builder.getFloatAttr(type, number);
  return builder.getIntegerAttr(type, static_cast<int64_t>(number));
}

namespace {
/// A scalar of the body.
struct Scalar {
  Attribute constant; ///< Null if it is not known.
  /// It depends on a known operand, or on one that may be infinite: if it is
  /// not known itself, it may be no finite number.
  bool mixed = false;
  /// It is finite, whatever finite numbers the operands are.
  bool total = false;

  bool isZero() const { return toNumber(constant) == 0.0; }
  bool isFinite() const {
    std::optional<double> number = toNumber(constant);
    return number ? std::isfinite(*number) : !constant && (total || !mixed);
  }
};
} // namespace

/// Whether a scalar op makes finite numbers of finite ones, short of overflow.
static bool keepsFinite(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::NegFOp,
             arith::MaximumFOp, arith::MinimumFOp, arith::SelectOp,
             arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
             math::AbsFOp, math::ErfOp, math::TanhOp>(op);
}

static bool isTotal(Operation *op, ArrayRef<Scalar> operands) {
  return !isa<FloatType>(op->getResult(0).getType()) ||
         (keepsFinite(op) && llvm::all_of(operands, [](const Scalar &operand) {
            return operand.total || (operand.constant && operand.isFinite());
          }));
}

/// Zero times, or by, something finite.
static bool isZeroProduct(Operation *op, ArrayRef<Scalar> operands) {
  if (isa<arith::MulFOp>(op))
    return (operands[0].isZero() && operands[1].isFinite()) ||
           (operands[1].isZero() && operands[0].isFinite());
  return isa<arith::DivFOp>(op) && operands[0].isZero() &&
         operands[1].isFinite() && !operands[1].isZero();
}

/// One of two numbers that are the same.
static bool isFreeChoice(Operation *op, ArrayRef<Scalar> operands) {
  if (!isa<arith::SelectOp>(op))
    return false;
  std::optional<double> number = toNumber(operands[1].constant);
  return number && number == toNumber(operands[2].constant);
}

SmallVector<ScalarValue>
mlir::analysis::evaluateScalarBody(fabric::StructuredOpInterface op,
                                   ArrayRef<ScalarValue> operands) {
  Block block;
  OpBuilder builder(op.getContext()); // The block has no region to ask.
  builder.setInsertionPointToEnd(&block);
  DenseMap<Value, Scalar> scalars;
  SmallVector<Value> arguments;
  for (auto [operand, known] : llvm::zip_equal(op->getOperands(), operands)) {
    Type type = fabric::getComputeType(getElementTypeOrSelf(operand));
    Value argument = block.addArgument(type, operand.getLoc());
    arguments.push_back(argument);
    Scalar &scalar = scalars[argument];
    if (known.number)
      scalar.constant = toAttribute(builder, type, *known.number);
    scalar.mixed = known.number || !known.isFinite;
    scalar.total = known.isFinite;
  }
  SmallVector<Value> results = op.buildBody(builder, op->getLoc(), arguments);
  for (Operation &scalarOp : block) {
    Value result = scalarOp.getResult(0);
    Attribute constant;
    if (matchPattern(&scalarOp, m_Constant(&constant))) {
      scalars[result].constant = constant;
      continue;
    }
    SmallVector<Scalar> inputs =
        llvm::map_to_vector(scalarOp.getOperands(),
                            [&](Value value) { return scalars.lookup(value); });
    Scalar output;
    output.mixed =
        llvm::any_of(inputs, [](const Scalar &input) { return input.mixed; });
    output.total = isTotal(&scalarOp, inputs);
    SmallVector<Attribute> attrs = llvm::map_to_vector(
        inputs, [](const Scalar &input) { return input.constant; });
    SmallVector<OpFoldResult> folded;
    if (isZeroProduct(&scalarOp, inputs)) {
      output.constant = toAttribute(builder, result.getType(), 0.0);
    } else if (isFreeChoice(&scalarOp, inputs)) {
      output = inputs[1];
    } else if (succeeded(scalarOp.fold(attrs, folded)) && folded.size() == 1) {
      if (auto attr = dyn_cast<Attribute>(folded[0]))
        output.constant = attr;
      else
        output = scalars.lookup(cast<Value>(folded[0]));
    }
    scalars[result] = output;
  }
  return llvm::map_to_vector(results, [&](Value value) {
    Scalar scalar = scalars.lookup(value);
    std::optional<double> number = toNumber(scalar.constant);
    return ScalarValue{number, number ? std::isfinite(*number) : scalar.total};
  });
}
