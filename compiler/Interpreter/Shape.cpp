//===- Shape.cpp - Reductions, shapes and constants, interpreted ----------===//

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

/// Adds every element of the operand to the result element that it belongs to:
/// along a summed dim the result does not move.
static LogicalResult sum(Operation *op, ArrayRef<const Tensor *> operands,
                         MutableArrayRef<Tensor> results) {
  ArrayRef<int64_t> dims = cast<SumOp>(op).getDims();
  SmallVector<int64_t> kept = rowMajorStrides(results[0].shape);
  SmallVector<int64_t> strides;
  size_t next = 0;
  for (int64_t dim = 0; dim < operands[0]->getRank(); ++dim)
    strides.push_back(llvm::is_contained(dims, dim) ? 0 : kept[next++]);
  for (auto [index, offset] :
       llvm::enumerate(gridOffsets(operands[0]->shape, strides)))
    results[0].floats[offset] += operands[0]->floats[index];
  return success();
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

static LogicalResult reshape(Operation *, ArrayRef<const Tensor *> operands,
                             MutableArrayRef<Tensor> results) {
  results[0].floats = operands[0]->floats;
  results[0].integers = operands[0]->integers;
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
  table.local[SumOp::getOperationName()] = sum;
  table.local[BroadcastOp::getOperationName()] = broadcast;
  table.local[TransposeOp::getOperationName()] = transpose;
  table.local[ReshapeOp::getOperationName()] = reshape;
  table.local[ConstantOp::getOperationName()] = constant;
}
