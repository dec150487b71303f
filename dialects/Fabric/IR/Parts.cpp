//===- Parts.cpp - Parts of tensors, and tensors of parts -----------------===//

#include "dialects/Fabric/IR/Formula.h"

using namespace mlir;
using namespace mlir::fabric;

/// A dim that every box takes and fills as it is may be split, and is one
/// factor; each side of every other dim is whole.
static dist::ShardingRule
getBoxRule(BoxCopyOpInterface op,
           SmallVector<SmallVector<unsigned>> linearGroups) {
  dist::ShardingRule rule;
  rule.linearGroups = std::move(linearGroups);
  auto add = [&](int64_t size, dist::Factor::Kind kind) -> dist::DimFactors {
    dist::Factor factor;
    factor.size = size;
    factor.kind = kind;
    rule.factors.push_back(factor);
    return {static_cast<unsigned>(rule.factors.size() - 1)};
  };
  SmallVector<BoxCopy> boxes = op.getBoxes();
  RankedTensorType result = tensorType(op->getResult(0));
  rule.operands.resize(op->getNumOperands());
  rule.results.emplace_back();
  for (int64_t dim = 0; dim < result.getRank(); ++dim) {
    int64_t size = result.getDimSize(dim);
    bool isWhole = llvm::all_of(boxes, [&](const BoxCopy &box) {
      int64_t from = tensorType(op->getOperand(box.operand)).getDimSize(dim);
      // A single element may have a stride, which more would not have room for.
      return from == size && box.sizes[dim] == size &&
             box.fromStrides[dim] == 1 && box.toStrides[dim] == 1;
    });
    auto kind =
        isWhole ? dist::Factor::Kind::Parallel : dist::Factor::Kind::Whole;
    dist::DimFactors shared = add(size, kind);
    rule.results[0].push_back(shared);
    for (auto [operand, dims] :
         llvm::zip_equal(op->getOperands(), rule.operands))
      dims.push_back(isWhole ? shared
                             : add(tensorType(operand).getDimSize(dim), kind));
  }
  return rule;
}

/// A copy of all of a tensor of this shape to the same place.
static BoxCopy wholeBox(unsigned operand, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t, 4> zeros(sizes.size(), 0), ones(sizes.size(), 1);
  return {operand, SmallVector<int64_t, 4>(sizes), zeros, ones, zeros, ones};
}

/// C1 to C3 of slice and pad: `part` is in `whole` at offsets and strides.
static LogicalResult verifyPart(Operation *op, RankedTensorType part,
                                RankedTensorType whole, ArrayRef<int64_t> dims,
                                ArrayRef<int64_t> offsets,
                                ArrayRef<int64_t> strides) {
  if (failed(verifyDims(op, "the op", dims, whole.getRank())))
    return failure();
  if (!isStrictlyAscending(dims))
    return op->emitOpError() << "expects dims in ascending order";
  if (offsets.size() != dims.size() || strides.size() != dims.size())
    return op->emitOpError()
           << "expects an offset and a stride for each of " << dims.size()
           << " dims, found " << offsets.size() << " and " << strides.size();
  if (part.getRank() != whole.getRank() ||
      part.getElementType() != whole.getElementType())
    return op->emitOpError()
           << "expects operand and result of one rank and element type, found "
           << part << " and " << whole;
  for (auto [dim, offset, stride] : llvm::zip_equal(dims, offsets, strides)) {
    if (offset < 0 || stride < 1)
      return op->emitOpError() << "has offset " << offset << " and stride "
                               << stride << " along dim " << dim;
    int64_t count = part.getDimSize(dim), size = whole.getDimSize(dim);
    // Divided, for products could overflow.
    if (count > 0 &&
        (offset >= size || (count - 1) > (size - 1 - offset) / stride))
      return op->emitOpError()
             << "takes " << count << " elements from " << offset
             << " in steps of " << stride << " along dim " << dim
             << ", which has " << size;
  }
  for (int64_t dim : otherDims(dims, whole.getRank()))
    if (part.getDimSize(dim) != whole.getDimSize(dim))
      return op->emitOpError()
             << "does not name dim " << dim
             << ", of which operand and result have sizes "
             << part.getDimSize(dim) << " and " << whole.getDimSize(dim);
  return success();
}

//===----------------------------------------------------------------------===//
// SliceOp
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::verify() {
  return verifyPart(*this, tensorType(getResult()), tensorType(getOperand()),
                    getDims(), getOffsets(), getStrides());
}

SmallVector<BoxCopy> SliceOp::getBoxes() {
  BoxCopy box = wholeBox(0, tensorType(getResult()).getShape());
  for (auto [dim, offset, stride] :
       llvm::zip_equal(getDims(), getOffsets(), getStrides())) {
    box.fromOffsets[dim] = offset;
    box.fromStrides[dim] = stride;
  }
  return {box};
}

dist::ShardingRule SliceOp::getShardingRule() {
  return getBoxRule(*this, {{0}});
}

int64_t SliceOp::getFlops() { return 0; }

LogicalResult SliceOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                ArrayRef<bool> needed,
                                MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        PadOp::create(b, getLoc(), getOperand().getType(), cotangents[0],
                      getDims(), getOffsets(), getStrides(), APFloat(0.0));
  return success();
}

//===----------------------------------------------------------------------===//
// PadOp
//===----------------------------------------------------------------------===//

LogicalResult PadOp::verify() {
  return verifyPart(*this, tensorType(getOperand()), tensorType(getResult()),
                    getDims(), getOffsets(), getStrides());
}

SmallVector<BoxCopy> PadOp::getBoxes() {
  BoxCopy box = wholeBox(0, tensorType(getOperand()).getShape());
  for (auto [dim, offset, stride] :
       llvm::zip_equal(getDims(), getOffsets(), getStrides())) {
    box.toOffsets[dim] = offset;
    box.toStrides[dim] = stride;
  }
  return {box};
}

TypedAttr PadOp::getFill() {
  return Builder(getContext())
      .getFloatAttr(tensorType(getResult()).getElementType(),
                    getValue().convertToDouble());
}

dist::ShardingRule PadOp::getShardingRule() {
  if (getValue().isZero())
    return getBoxRule(*this, {{0}});
  return getBoxRule(*this, {});
}

int64_t PadOp::getFlops() { return 0; }

LogicalResult PadOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                              ArrayRef<bool> needed,
                              MutableArrayRef<Value> gradients) {
  if (needed[0])
    gradients[0] =
        SliceOp::create(b, getLoc(), getOperand().getType(), cotangents[0],
                        getDims(), getOffsets(), getStrides());
  return success();
}

//===----------------------------------------------------------------------===//
// ConcatOp
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::verify() {
  RankedTensorType result = tensorType(getResult());
  int64_t dim = getDim();
  if (getOperands().empty())
    return emitOpError() << "expects operands";
  if (failed(verifyDims(*this, "the op", dim, result.getRank())))
    return failure();
  SmallVector<int64_t> expected(result.getShape());
  expected[dim] = 0;
  for (Value operand : getOperands()) {
    RankedTensorType type = tensorType(operand);
    if (type.getRank() != result.getRank() ||
        type.getElementType() != result.getElementType())
      return emitOpError()
             << "expects operands of the result's rank and element type, found "
             << type << " and " << result;
    for (int64_t other : otherDims(dim, result.getRank()))
      if (type.getDimSize(other) != result.getDimSize(other))
        return emitOpError()
               << "expects operands and result to agree but along dim " << dim
               << ", found " << type << " and " << result;
    expected[dim] += type.getDimSize(dim);
  }
  if (expected[dim] != result.getDimSize(dim))
    return emitOpError() << "expects " << expected[dim]
                         << " elements along dim " << dim << ", found "
                         << result.getDimSize(dim);
  return success();
}

SmallVector<BoxCopy> ConcatOp::getBoxes() {
  SmallVector<BoxCopy> boxes;
  int64_t offset = 0;
  for (auto [index, operand] : llvm::enumerate(getOperands())) {
    BoxCopy box = wholeBox(index, tensorType(operand).getShape());
    box.toOffsets[getDim()] = offset;
    offset += box.sizes[getDim()];
    boxes.push_back(std::move(box));
  }
  return boxes;
}

dist::ShardingRule ConcatOp::getShardingRule() {
  return getBoxRule(
      *this,
      {llvm::to_vector(llvm::seq<unsigned>(0, (*this)->getNumOperands()))});
}

int64_t ConcatOp::getFlops() { return 0; }

LogicalResult ConcatOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                 ArrayRef<bool> needed,
                                 MutableArrayRef<Value> gradients) {
  int64_t dim = getDim(), offset = 0, stride = 1;
  for (auto [index, operand] : llvm::enumerate(getOperands())) {
    if (needed[index])
      gradients[index] =
          SliceOp::create(b, getLoc(), operand.getType(), cotangents[0],
                          ArrayRef(dim), ArrayRef(offset), ArrayRef(stride));
    offset += tensorType(operand).getDimSize(dim);
  }
  return success();
}
