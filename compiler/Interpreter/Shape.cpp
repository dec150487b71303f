//===- Shape.cpp - Shapes, parts and constants, interpreted ---------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

/// result[i] = operand[offsets[i]]
static void pick(const Tensor &operand, ArrayRef<int64_t> offsets,
                 Tensor &result) {
  for (auto [index, offset] : llvm::enumerate(offsets)) {
    if (operand.isFloat())
      result.floats[index] = operand.floats[offset];
    else
      result.integers[index] = operand.integers[offset];
  }
}

static LogicalResult broadcast(Operation *op, ArrayRef<const Tensor *> operands,
                               MutableArrayRef<Tensor> results) {
  SmallVector<int64_t> own = rowMajorStrides(operands[0]->shape);
  SmallVector<int64_t> strides(results[0].getRank(), 0);
  for (auto [dim, resultDim] : llvm::enumerate(cast<BroadcastOp>(op).getDims()))
    strides[resultDim] = own[dim];
  pick(*operands[0], gridOffsets(results[0].shape, strides), results[0]);
  return success();
}

static LogicalResult transpose(Operation *op, ArrayRef<const Tensor *> operands,
                               MutableArrayRef<Tensor> results) {
  SmallVector<int64_t> own = rowMajorStrides(operands[0]->shape);
  SmallVector<int64_t> strides;
  for (int64_t dim : cast<TransposeOp>(op).getPermutation())
    strides.push_back(own[dim]);
  pick(*operands[0], gridOffsets(results[0].shape, strides), results[0]);
  return success();
}

static LogicalResult mask(Operation *op, ArrayRef<const Tensor *> operands,
                          MutableArrayRef<Tensor> results) {
  auto maskOp = cast<MaskOp>(op);
  double fill = maskOp.getFill().convertToDouble();
  // The element of `valid` that each element of the operand looks at.
  SmallVector<int64_t> strides(operands[0]->getRank(), 0);
  strides[maskOp.getDim()] = 1;
  for (auto [index, place] :
       llvm::enumerate(gridOffsets(operands[0]->shape, strides)))
    results[0].floats[index] =
        operands[1]->floats[place] != 0.0 ? operands[0]->floats[index] : fill;
  return success();
}

static LogicalResult reshape(Operation *, ArrayRef<const Tensor *> operands,
                             MutableArrayRef<Tensor> results) {
  results[0].floats = operands[0]->floats;
  results[0].integers = operands[0]->integers;
  return success();
}

/// Element i of `part`, along each dim, is element offset + i * stride of
/// `whole`: calls `visit` with both places.
static void forPart(const Tensor &part, const Tensor &whole,
                    ArrayRef<int64_t> dims, ArrayRef<int64_t> offsets,
                    ArrayRef<int64_t> steps,
                    function_ref<void(int64_t part, int64_t whole)> visit) {
  SmallVector<int64_t> strides = rowMajorStrides(whole.shape);
  int64_t first = 0;
  for (auto [dim, offset, step] : llvm::zip_equal(dims, offsets, steps)) {
    first += offset * strides[dim];
    strides[dim] *= step;
  }
  for (auto [index, place] : llvm::enumerate(gridOffsets(part.shape, strides)))
    visit(index, first + place);
}

static void copyElement(const Tensor &from, int64_t source, Tensor &to,
                        int64_t target) {
  if (from.isFloat())
    to.floats[target] = from.floats[source];
  else
    to.integers[target] = from.integers[source];
}

static LogicalResult slice(Operation *op, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  auto slice = cast<SliceOp>(op);
  forPart(results[0], *operands[0], slice.getDims(), slice.getOffsets(),
          slice.getStrides(), [&](int64_t part, int64_t whole) {
            copyElement(*operands[0], whole, results[0], part);
          });
  return success();
}

static LogicalResult padOp(Operation *op, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  auto pad = cast<PadOp>(op);
  results[0].floats.assign(results[0].floats.size(),
                           pad.getValue().convertToDouble());
  forPart(*operands[0], results[0], pad.getDims(), pad.getOffsets(),
          pad.getStrides(), [&](int64_t part, int64_t whole) {
            copyElement(*operands[0], part, results[0], whole);
          });
  return success();
}

static LogicalResult concat(Operation *op, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  int64_t dim = cast<ConcatOp>(op).getDim(), offset = 0;
  for (const Tensor *operand : operands) {
    forPart(*operand, results[0], {dim}, {offset}, {1},
            [&](int64_t part, int64_t whole) {
              copyElement(*operand, part, results[0], whole);
            });
    offset += operand->shape[dim];
  }
  return success();
}

static LogicalResult constant(Operation *op, ArrayRef<const Tensor *>,
                              MutableArrayRef<Tensor> results) {
  FailureOr<Tensor> value = readElements(cast<ConstantOp>(op).getValue());
  if (failed(value))
    return op->emitOpError() << "has a value that cannot be read";
  results[0] = std::move(*value);
  return success();
}

void mlir::fabric::interpreter::registerShape(OpTable &table) {
  table.local[BroadcastOp::getOperationName()] = broadcast;
  table.local[TransposeOp::getOperationName()] = transpose;
  table.local[MaskOp::getOperationName()] = mask;
  table.local[ReshapeOp::getOperationName()] = reshape;
  table.local[SliceOp::getOperationName()] = slice;
  table.local[PadOp::getOperationName()] = padOp;
  table.local[ConcatOp::getOperationName()] = concat;
  table.local[ConstantOp::getOperationName()] = constant;
}
