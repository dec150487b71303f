//===- KernelBody.cpp - The scalars of a kernel's loops -------------------===//

#include "passes/Lowering/Kernels/KernelBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

Value mlir::lowering::fromStorage(OpBuilder &b, Location loc, Value stored,
                                  Type element) {
  Type compute = fabric::getComputeType(element);
  if (element.isInteger(1)) {
    Value zero = arith::ConstantOp::create(
        b, loc, b.getIntegerAttr(stored.getType(), 0));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, stored,
                                 zero);
  }
  if (element.isBF16())
    stored = arith::BitcastOp::create(b, loc, element, stored);
  if (compute != element)
    return arith::ExtFOp::create(b, loc, compute, stored);
  return stored;
}

/// `computed` in a narrower type.
static Value roundTo(OpBuilder &b, Location loc, Value computed, Type element) {
  auto extension = computed.getDefiningOp<arith::ExtFOp>();
  if (extension && extension.getIn().getType() == element)
    return extension.getIn(); // It holds such a value already.
  return arith::TruncFOp::create(b, loc, element, computed);
}

Value mlir::lowering::toStorage(OpBuilder &b, Location loc, Value computed,
                                Type element) {
  if (element.isInteger(1))
    return arith::ExtUIOp::create(b, loc, getStorageType(element), computed);
  if (computed.getType() != element)
    computed = roundTo(b, loc, computed, element);
  if (element.isBF16())
    return arith::BitcastOp::create(b, loc, getStorageType(element), computed);
  return computed;
}

Value KernelBody::getResult(Value value, const KernelDomain::Result &place) {
  auto op = value.getDefiningOp<StructuredOpInterface>();
  bool isThere = scalars.contains({value, place.map});
  if (op && isReduction(op) && !isThere)
    return applyOp(op, place.opLoops)[cast<OpResult>(value).getResultNumber()];
  return getScalar({value, place.map});
}

SmallVector<Value> KernelBody::applyOp(StructuredOpInterface op,
                                       ArrayRef<unsigned> opLoops) {
  SmallVector<Value> operands;
  for (auto [index, operand] : llvm::enumerate(op->getOperands()))
    operands.push_back(getScalar(
        {operand, composeLoopMap(op, index, opLoops, domain.sizes.size())}));
  return op.buildBody(builder, op.getLoc(), operands);
}

Value KernelBody::getScalar(ValueAtMap at) {
  if (Value known = scalars.lookup(at))
    return known;
  Operation *definition = at.first.getDefiningOp();
  Type element = getElementTypeOrSelf(at.first.getType());
  Attribute constant;
  if (matchPattern(definition, m_Constant(&constant)))
    return scalars[at] = getConstant(
               definition->getLoc(), element,
               cast<SplatElementsAttr>(constant).getSplatValue<Attribute>());
  auto op = cast<StructuredOpInterface>(definition);
  unsigned number = cast<OpResult>(at.first).getResultNumber();
  SmallVector<unsigned> opLoops = getOpLoops(op, number, at.second);
  for (auto [index, value] : llvm::enumerate(applyOp(op, opLoops))) {
    Type type = getElementTypeOrSelf(op->getResult(index).getType());
    // Rounded as if it had been written and read.
    if (value.getType() != type && isa<FloatType>(type))
      value = arith::ExtFOp::create(builder, op.getLoc(), value.getType(),
                                    roundTo(builder, op.getLoc(), value, type));
    AffineMap map = composeLoopMap(op, op->getNumOperands() + index, opLoops,
                                   domain.sizes.size());
    scalars.try_emplace({op->getResult(index), map}, value);
  }
  return scalars.lookup(at);
}

Value KernelBody::getConstant(Location loc, Type element, Attribute value) {
  Type compute = fabric::getComputeType(element);
  if (auto number = dyn_cast<FloatAttr>(value)) {
    APFloat wide = number.getValue();
    bool exact;
    wide.convert(cast<FloatType>(compute).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &exact);
    return arith::ConstantOp::create(outside, loc,
                                     outside.getFloatAttr(compute, wide));
  }
  return arith::ConstantOp::create(outside, loc, cast<TypedAttr>(value));
}
