//===- Collectives.cpp - Collectives between simulated devices ------------===//
//
// All are written in terms of blocks: along a dim, a tensor is cut into as many
// equal blocks as the group has devices.
//
//===----------------------------------------------------------------------===//

#include "compiler/Interpreter/OpTable.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;

/// Offsets in a tensor of `shape` of its block `index` out of `count` along
/// `dim`, in row-major order of the block.
static std::vector<int64_t> blockAlong(ArrayRef<int64_t> shape, int64_t dim,
                                       int64_t index, int64_t count) {
  SmallVector<int64_t> block(shape);
  block[dim] /= count;
  SmallVector<int64_t> strides = rowMajorStrides(shape);
  std::vector<int64_t> offsets = gridOffsets(block, strides);
  for (int64_t &offset : offsets)
    offset += index * block[dim] * strides[dim];
  return offsets;
}

static void copy(const Tensor &from, ArrayRef<int64_t> fromOffsets, Tensor &to,
                 ArrayRef<int64_t> toOffsets) {
  for (auto [source, target] : llvm::zip_equal(fromOffsets, toOffsets)) {
    if (from.isFloat())
      to.floats[target] = from.floats[source];
    else
      to.integers[target] = from.integers[source];
  }
}

template <typename T> static T combine(dist::ReductionKind kind, T a, T b) {
  switch (kind) {
  case dist::ReductionKind::Sum:
    return a + b;
  case dist::ReductionKind::Max:
    return std::max(a, b);
  case dist::ReductionKind::Min:
    return std::min(a, b);
  }
  return a;
}

/// The elements at `offsets` of all devices of the group, combined in order.
static void reduce(dist::ReductionKind kind, ArrayRef<const Tensor *> operands,
                   ArrayRef<int64_t> group, ArrayRef<int64_t> offsets,
                   Tensor &result) {
  for (auto [index, offset] : llvm::enumerate(offsets)) {
    if (result.isFloat()) {
      double value = operands[group[0]]->floats[offset];
      for (int64_t member : group.drop_front())
        value = combine(kind, value, operands[member]->floats[offset]);
      result.floats[index] = value;
    } else {
      int64_t value = operands[group[0]]->integers[offset];
      for (int64_t member : group.drop_front())
        value = combine(kind, value, operands[member]->integers[offset]);
      result.integers[index] = value;
    }
  }
}

static std::vector<int64_t> allOffsets(const Tensor &tensor) {
  return gridOffsets(tensor.shape, rowMajorStrides(tensor.shape));
}

static LogicalResult allGather(Operation *op, const DeviceMesh &mesh,
                               ArrayRef<const Tensor *> operands,
                               MutableArrayRef<Tensor> results) {
  auto gather = cast<dist::AllGatherOp>(op);
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, gather.getAxes());
    for (auto [position, member] : llvm::enumerate(group))
      copy(*operands[member], allOffsets(*operands[member]), result,
           blockAlong(result.shape, gather.getDim(), position, group.size()));
  }
  return success();
}

static LogicalResult allSlice(Operation *op, const DeviceMesh &mesh,
                              ArrayRef<const Tensor *> operands,
                              MutableArrayRef<Tensor> results) {
  auto slice = cast<dist::AllSliceOp>(op);
  for (auto [device, result] : llvm::enumerate(results))
    copy(*operands[device],
         blockAlong(operands[device]->shape, slice.getDim(),
                    mesh.getPosition(device, slice.getAxes()),
                    mesh.getGroupSize(slice.getAxes())),
         result, allOffsets(result));
  return success();
}

static LogicalResult reduceScatter(Operation *op, const DeviceMesh &mesh,
                                   ArrayRef<const Tensor *> operands,
                                   MutableArrayRef<Tensor> results) {
  auto scatter = cast<dist::ReduceScatterOp>(op);
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, scatter.getAxes());
    reduce(scatter.getReduction(), operands, group,
           blockAlong(operands[device]->shape, scatter.getDim(),
                      mesh.getPosition(device, scatter.getAxes()),
                      group.size()),
           result);
  }
  return success();
}

static LogicalResult allReduce(Operation *op, const DeviceMesh &mesh,
                               ArrayRef<const Tensor *> operands,
                               MutableArrayRef<Tensor> results) {
  auto all = cast<dist::AllReduceOp>(op);
  for (auto [device, result] : llvm::enumerate(results))
    reduce(all.getReduction(), operands, mesh.getGroup(device, all.getAxes()),
           allOffsets(result), result);
  return success();
}

/// Device p of a group gets block p along `split_dim` of every member, and sets
/// them side by side along `concat_dim`.
static LogicalResult allToAll(Operation *op, const DeviceMesh &mesh,
                              ArrayRef<const Tensor *> operands,
                              MutableArrayRef<Tensor> results) {
  auto exchange = cast<dist::AllToAllOp>(op);
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, exchange.getAxes());
    int64_t own = mesh.getPosition(device, exchange.getAxes());
    for (auto [position, member] : llvm::enumerate(group))
      copy(*operands[member],
           blockAlong(operands[member]->shape, exchange.getSplitDim(), own,
                      group.size()),
           result,
           blockAlong(result.shape, exchange.getConcatDim(), position,
                      group.size()));
  }
  return success();
}

static LogicalResult axisIndex(Operation *op, const DeviceMesh &mesh,
                               ArrayRef<const Tensor *>,
                               MutableArrayRef<Tensor> results) {
  for (auto [device, result] : llvm::enumerate(results))
    result.integers[0] =
        mesh.getPosition(device, cast<dist::AxisIndexOp>(op).getAxes());
  return success();
}

void mlir::fabric::interpreter::registerCollectives(OpTable &table) {
  table.group[dist::AllGatherOp::getOperationName()] = allGather;
  table.group[dist::AllSliceOp::getOperationName()] = allSlice;
  table.group[dist::ReduceScatterOp::getOperationName()] = reduceScatter;
  table.group[dist::AllReduceOp::getOperationName()] = allReduce;
  table.group[dist::AllToAllOp::getOperationName()] = allToAll;
  table.group[dist::AxisIndexOp::getOperationName()] = axisIndex;

  for (StringRef name : {dist::ReshardOp::getOperationName(),
                         dist::ConstraintOp::getOperationName(),
                         dist::AllGatherOp::getOperationName(),
                         dist::AllSliceOp::getOperationName(),
                         dist::ReduceScatterOp::getOperationName(),
                         dist::AllReduceOp::getOperationName(),
                         dist::AllToAllOp::getOperationName()})
    table.globalIdentities[name] = true;
}
