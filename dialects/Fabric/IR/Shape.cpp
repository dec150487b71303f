//===- Shape.cpp - Changes of shape, constants ----------------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::fabric;

//===----------------------------------------------------------------------===//
// BroadcastOp
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (static_cast<int64_t>(getDims().size()) != from.getRank())
    return emitOpError() << "expects a result dim for each of the operand's "
                         << from.getRank() << " dims, found "
                         << getDims().size();
  if (failed(verifyDims(*this, "the broadcast", getDims(), to.getRank())))
    return failure();
  if (!isStrictlyAscending(getDims()))
    return emitOpError() << "expects dims in ascending order";
  for (auto [dim, resultDim] : llvm::enumerate(getDims()))
    if (from.getDimSize(dim) != to.getDimSize(resultDim))
      return emitOpError() << "expects operand dim " << dim << " of size "
                           << from.getDimSize(dim) << " to be result dim "
                           << resultDim << " of size "
                           << to.getDimSize(resultDim);
  if (from.getElementType() != to.getElementType())
    return emitOpError() << "expects one element type, found " << from
                         << " and " << to;
  return success();
}

SmallVector<utils::IteratorType> BroadcastOp::getLoopIterators() {
  return parallelLoops(tensorType(getResult()).getRank());
}

SmallVector<AffineMap> BroadcastOp::getLoopMaps() {
  int64_t rank = tensorType(getResult()).getRank();
  return {projection(getContext(), rank, getDims()),
          AffineMap::getMultiDimIdentityMap(rank, getContext())};
}

dist::ShardingRule BroadcastOp::getShardingRule() {
  return getStructuredRule(*this, {{0}});
}

int64_t BroadcastOp::getFlops() { return 0; }

SmallVector<Value> BroadcastOp::buildBody(OpBuilder &, Location,
                                          ValueRange args) {
  return {args[0]};
}

LogicalResult BroadcastOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                    ArrayRef<bool> needed,
                                    MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        SumOp::create(b, getLoc(), getOperand().getType(), cotangents[0],
                      otherDims(getDims(), tensorType(getResult()).getRank()));
  return success();
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (static_cast<int64_t>(getPermutation().size()) != from.getRank())
    return emitOpError() << "expects a permutation of " << from.getRank()
                         << " dims, found " << getPermutation().size();
  if (failed(verifyDims(*this, "the permutation", getPermutation(),
                        from.getRank())))
    return failure();
  SmallVector<int64_t> expected;
  for (int64_t dim : getPermutation())
    expected.push_back(from.getDimSize(dim));
  if (to.getShape() != ArrayRef<int64_t>(expected) ||
      to.getElementType() != from.getElementType())
    return emitOpError() << "expects a result of type "
                         << RankedTensorType::get(expected,
                                                  from.getElementType())
                         << ", found " << to;
  return success();
}

SmallVector<utils::IteratorType> TransposeOp::getLoopIterators() {
  return parallelLoops(tensorType(getResult()).getRank());
}

/// Loops run over the result.
SmallVector<AffineMap> TransposeOp::getLoopMaps() {
  int64_t rank = tensorType(getResult()).getRank();
  SmallVector<int64_t> loopOfOperandDim(rank);
  for (auto [loop, dim] : llvm::enumerate(getPermutation()))
    loopOfOperandDim[dim] = loop;
  return {projection(getContext(), rank, loopOfOperandDim),
          AffineMap::getMultiDimIdentityMap(rank, getContext())};
}

dist::ShardingRule TransposeOp::getShardingRule() {
  return getStructuredRule(*this, {{0}});
}

int64_t TransposeOp::getFlops() { return 0; }

SmallVector<Value> TransposeOp::buildBody(OpBuilder &, Location,
                                          ValueRange args) {
  return {args[0]};
}

LogicalResult TransposeOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                    ArrayRef<bool> needed,
                                    MutableArrayRef<Value> gradients) {
  if (!needed[0])
    return success();
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [position, dim] : llvm::enumerate(getPermutation()))
    inverse[dim] = position;
  gradients[0] = TransposeOp::create(b, getLoc(), getOperand().getType(),
                                     cotangents[0], inverse);
  return success();
}

//===----------------------------------------------------------------------===//
// ReshapeOp
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  // Shapes of one op are either all global or all local.
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (from.getNumElements() != to.getNumElements() ||
      from.getElementType() != to.getElementType())
    return emitOpError() << "expects as many elements of one type, found "
                         << from << " and " << to;
  return success();
}

dist::ShardingRule ReshapeOp::getShardingRule() {
  return dist::ShardingRule::forReshape(tensorType(getOperand()).getShape(),
                                        tensorType(getResult()).getShape());
}

int64_t ReshapeOp::getFlops() { return 0; }

Value ReshapeOp::getViewSource() { return getOperand(); }

LogicalResult ReshapeOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                  ArrayRef<bool> needed,
                                  MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        ReshapeOp::create(b, getLoc(), getOperand().getType(), cotangents[0]);
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return {};
}

//===----------------------------------------------------------------------===//
// MaskOp
//===----------------------------------------------------------------------===//

LogicalResult MaskOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   valid = tensorType(getValid()), to = tensorType(getResult());
  int64_t dim = getDim();
  if (dim < 0 || dim >= from.getRank())
    return emitOpError() << "expects a dim of the operand, found " << dim
                         << " of " << from;
  if (valid.getRank() != 1 || valid.getDimSize(0) != from.getDimSize(dim))
    return emitOpError() << "expects a vector of size " << from.getDimSize(dim)
                         << " that says what is valid, found " << valid;
  if (from.getShape() != to.getShape() ||
      from.getElementType() != to.getElementType() ||
      from.getElementType() != valid.getElementType())
    return emitOpError() << "expects one element type, and one shape for "
                            "operand and result, found "
                         << from << ", " << valid << " and " << to;
  return success();
}

SmallVector<utils::IteratorType> MaskOp::getLoopIterators() {
  return parallelLoops(tensorType(getResult()).getRank());
}

SmallVector<AffineMap> MaskOp::getLoopMaps() {
  int64_t rank = tensorType(getResult()).getRank();
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, getContext());
  auto dim = static_cast<int64_t>(getDim());
  return {identity, projection(getContext(), rank, {dim}), identity};
}

dist::ShardingRule MaskOp::getShardingRule() {
  if (getFill().isZero())
    return getStructuredRule(*this, {{0}});
  return getStructuredRule(*this, {});
}

int64_t MaskOp::getFlops() { return 0; }

SmallVector<Value> MaskOp::buildBody(OpBuilder &b, Location loc,
                                     ValueRange args) {
  Value zero = floatConstant(b, loc, args[1].getType(), 0.0);
  Value fill =
      floatConstant(b, loc, args[0].getType(), getFill().convertToDouble());
  Value valid =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, args[1], zero);
  return {arith::SelectOp::create(b, loc, valid, args[0], fill)};
}

LogicalResult MaskOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                               ArrayRef<bool> needed,
                               MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        MaskOp::create(b, getLoc(), getOperand().getType(), cotangents[0],
                       getValid(), getDim(), APFloat(0.0));
  return success();
}

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &builder, OperationState &state,
                       RankedTensorType type, double value) {
  // The value has no sharding; the result may have one.
  auto plain = RankedTensorType::get(type.getShape(), type.getElementType());
  Attribute element = builder.getFloatAttr(type.getElementType(), value);
  build(builder, state, type, DenseElementsAttr::get(plain, element));
}

LogicalResult ConstantOp::verify() {
  auto value = cast<ShapedType>(getValue().getType());
  RankedTensorType type = tensorType(getResult());
  if (value.getShape() != type.getShape() ||
      value.getElementType() != type.getElementType())
    return emitOpError() << "expects a value of the result's shape and element "
                            "type, found "
                         << value << " and " << type;
  return success();
}

dist::ShardingRule ConstantOp::getShardingRule() {
  dist::ShardingRule rule;
  rule.results.emplace_back();
  for (auto [dim, size] : llvm::enumerate(tensorType(getResult()).getShape())) {
    rule.factors.push_back({size, dist::Factor::Kind::Parallel, {}});
    rule.results[0].push_back({static_cast<unsigned>(dim)});
  }
  return rule;
}

FailureOr<SmallVector<Value>> ConstantOp::localise(OpBuilder &builder,
                                                   ValueRange,
                                                   TypeRange localResultTypes) {
  auto local = cast<RankedTensorType>(localResultTypes.front());
  // Elements may also stand outside of the text.
  auto dense = dyn_cast<DenseElementsAttr>(getValue());
  if (dense && dense.isSplat())
    return SmallVector<Value>{
        ConstantOp::create(builder, getLoc(), local, dense.resizeSplat(local))};
  dist::ShardingAttr sharding = dist::getSharding(getResult());
  Value whole = ConstantOp::create(builder, getLoc(), getValue());
  SmallVector<int64_t> shape(tensorType(getResult()).getShape());
  if (!sharding)
    return SmallVector<Value>{whole};
  for (auto [dim, axes] : llvm::enumerate(sharding.getDims())) {
    if (axes.empty())
      continue;
    shape[dim] = local.getDimSize(dim);
    whole = dist::AllSliceOp::create(
        builder, getLoc(), RankedTensorType::get(shape, local.getElementType()),
        whole, dim, axes);
  }
  return SmallVector<Value>{whole};
}

int64_t ConstantOp::getFlops() { return 0; }

LogicalResult ConstantOp::buildVjp(OpBuilder &, ArrayRef<Value>, ArrayRef<bool>,
                                   MutableArrayRef<Value>) {
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

ParseResult mlir::fabric::parseConstantValue(OpAsmParser &parser,
                                             ElementsAttr &value,
                                             Type &result) {
  if (parser.parseAttribute(value))
    return failure();
  result = value.getType();
  if (succeeded(parser.parseOptionalArrow()))
    return parser.parseType(result);
  return success();
}

void mlir::fabric::printConstantValue(OpAsmPrinter &printer, Operation *,
                                      ElementsAttr value, Type result) {
  printer << value;
  if (value.getType() != result)
    printer << " -> " << result;
}
