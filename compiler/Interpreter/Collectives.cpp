//===- Collectives.cpp - Collectives between simulated devices ------------===//
//
// All are written in terms of blocks: along a dim, a tensor is cut into as many
// equal blocks as the group has devices.
//
//===----------------------------------------------------------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Exec/IR/Exec.h"

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

using Operands = ArrayRef<const Tensor *>;
using Results = MutableArrayRef<Tensor>;

static void allGather(const DeviceMesh &mesh, dist::AxesAttr axes, int64_t dim,
                      Operands operands, Results results) {
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, axes);
    for (auto [position, member] : llvm::enumerate(group))
      copy(*operands[member], allOffsets(*operands[member]), result,
           blockAlong(result.shape, dim, position, group.size()));
  }
}

static void allSlice(const DeviceMesh &mesh, dist::AxesAttr axes, int64_t dim,
                     Operands operands, Results results) {
  for (auto [device, result] : llvm::enumerate(results))
    copy(*operands[device],
         blockAlong(operands[device]->shape, dim,
                    mesh.getPosition(device, axes), mesh.getGroupSize(axes)),
         result, allOffsets(result));
}

static void reduceScatter(const DeviceMesh &mesh, dist::AxesAttr axes,
                          int64_t dim, dist::ReductionKind kind,
                          Operands operands, Results results) {
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, axes);
    reduce(kind, operands, group,
           blockAlong(operands[device]->shape, dim,
                      mesh.getPosition(device, axes), group.size()),
           result);
  }
}

static void allReduce(const DeviceMesh &mesh, dist::AxesAttr axes,
                      dist::ReductionKind kind, Operands operands,
                      Results results) {
  for (auto [device, result] : llvm::enumerate(results))
    reduce(kind, operands, mesh.getGroup(device, axes), allOffsets(result),
           result);
}

/// Device p of a group gets block p along `splitDim` of every member, and sets
/// them side by side along `concatDim`.
static void allToAll(const DeviceMesh &mesh, dist::AxesAttr axes,
                     int64_t splitDim, int64_t concatDim, Operands operands,
                     Results results) {
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, axes);
    int64_t own = mesh.getPosition(device, axes);
    for (auto [position, member] : llvm::enumerate(group))
      copy(*operands[member],
           blockAlong(operands[member]->shape, splitDim, own, group.size()),
           result, blockAlong(result.shape, concatDim, position, group.size()));
  }
}

//===----------------------------------------------------------------------===//
// The ops
//===----------------------------------------------------------------------===//

static LogicalResult runAllGather(Operation *op, const DeviceMesh &mesh,
                                  Operands operands, Results results) {
  auto gather = cast<dist::AllGatherOp>(op);
  allGather(mesh, gather.getAxes(), gather.getDim(), operands, results);
  return success();
}

static LogicalResult runAllSlice(Operation *op, const DeviceMesh &mesh,
                                 Operands operands, Results results) {
  auto slice = cast<dist::AllSliceOp>(op);
  allSlice(mesh, slice.getAxes(), slice.getDim(), operands, results);
  return success();
}

static LogicalResult runReduceScatter(Operation *op, const DeviceMesh &mesh,
                                      Operands operands, Results results) {
  auto scatter = cast<dist::ReduceScatterOp>(op);
  reduceScatter(mesh, scatter.getAxes(), scatter.getDim(),
                scatter.getReduction(), operands, results);
  return success();
}

static LogicalResult runAllReduce(Operation *op, const DeviceMesh &mesh,
                                  Operands operands, Results results) {
  auto all = cast<dist::AllReduceOp>(op);
  allReduce(mesh, all.getAxes(), all.getReduction(), operands, results);
  return success();
}

static LogicalResult runAllToAll(Operation *op, const DeviceMesh &mesh,
                                 Operands operands, Results results) {
  auto exchange = cast<dist::AllToAllOp>(op);
  allToAll(mesh, exchange.getAxes(), exchange.getSplitDim(),
           exchange.getConcatDim(), operands, results);
  return success();
}

static LogicalResult runCollective(Operation *op, const DeviceMesh &mesh,
                                   Operands operands, Results results) {
  auto collective = cast<exec::CollectiveOp>(op);
  dist::AxesAttr axes = collective.getAxes();
  switch (collective.getKind()) {
  case exec::CollectiveKind::AllGather:
    allGather(mesh, axes, *collective.getConcatDim(), operands, results);
    return success();
  case exec::CollectiveKind::ReduceScatter:
    reduceScatter(mesh, axes, *collective.getSplitDim(),
                  *collective.getReduction(), operands, results);
    return success();
  case exec::CollectiveKind::AllReduce:
    allReduce(mesh, axes, *collective.getReduction(), operands, results);
    return success();
  case exec::CollectiveKind::AllToAll:
    allToAll(mesh, axes, *collective.getSplitDim(), *collective.getConcatDim(),
             operands, results);
    return success();
  case exec::CollectiveKind::AllSlice:
    allSlice(mesh, axes, *collective.getSplitDim(), operands, results);
    return success();
  }
  llvm_unreachable("every kind is above");
}

/// What a member of the group holds, or the reader's own piece of it.
static LogicalResult runPeerView(Operation *op, const DeviceMesh &mesh,
                                 Operands operands, Results results) {
  auto view = cast<exec::PeerViewOp>(op);
  for (auto [device, result] : llvm::enumerate(results)) {
    SmallVector<int64_t> group = mesh.getGroup(device, view.getAxes());
    const Tensor &whole = *operands[group[view.getMember()]];
    copy(whole,
         view.getOwnPiece()
             ? blockAlong(whole.shape, 0,
                          mesh.getPosition(device, view.getAxes()),
                          group.size())
             : allOffsets(whole),
         result, allOffsets(result));
  }
  return success();
}

static LogicalResult runAxisIndex(Operation *op, const DeviceMesh &mesh,
                                  Operands, Results results) {
  for (auto [device, result] : llvm::enumerate(results))
    result.integers[0] =
        mesh.getPosition(device, cast<dist::AxisIndexOp>(op).getAxes());
  return success();
}

void mlir::fabric::interpreter::registerCollectives(OpTable &table) {
  table.group[dist::AllGatherOp::getOperationName()] = runAllGather;
  table.group[dist::AllSliceOp::getOperationName()] = runAllSlice;
  table.group[dist::ReduceScatterOp::getOperationName()] = runReduceScatter;
  table.group[dist::AllReduceOp::getOperationName()] = runAllReduce;
  table.group[dist::AllToAllOp::getOperationName()] = runAllToAll;
  table.group[dist::AxisIndexOp::getOperationName()] = runAxisIndex;
  table.group[exec::CollectiveOp::getOperationName()] = runCollective;
  table.group[exec::PeerViewOp::getOperationName()] = runPeerView;

  for (StringRef name : {dist::ReshardOp::getOperationName(),
                         dist::ConstraintOp::getOperationName(),
                         dist::AllGatherOp::getOperationName(),
                         dist::AllSliceOp::getOperationName(),
                         dist::ReduceScatterOp::getOperationName(),
                         dist::AllReduceOp::getOperationName(),
                         dist::AllToAllOp::getOperationName()})
    table.globalIdentities[name] = true;
}
