//===- PlaceBarriers.cpp - When peers may read, and owners write ----------===//
//
// A value that peers read has, in every step, a barrier after it is written and
// before the first of them reads it, and one after the last has read it and
// before its owner writes there again. In the order of execution, this keeps
// for every such value whether it has been written, and whether it has been
// read, since a barrier over its axes, and adds one only where it is missing:
//
//   * before a peer is read whose value may not be complete;
//   * before what is being read is updated in place;
//   * after the last read of a value of the workspace, so that its memory is
//     free then and not at some later barrier: it is an operand of that one;
//   * at the end of a step: the next one, and the runtime between, may write.
//
// Collectives in which every rank needs something of every other are barriers,
// too.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Buffers.h"
#include "passes/Lowering/Passes.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using exec::PeerViewOp;
using exec::PlannedOpInterface;

namespace mlir::lowering {
#define GEN_PASS_DEF_PLACEBARRIERSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// A buffer that the ranks of a group read of each other.
struct Share {
  Value value; ///< One of the buffer, to keep it alive by.
  dist::AxesAttr axes;
  bool isUnseen = false; ///< Written since the last barrier.
  bool isRead = false;   ///< Read since the last barrier.
  Operation *lastReader = nullptr;
};

class Placer {
public:
  explicit Placer(func::FuncOp function)
      : function(function), block(function.getBody().front()),
        buffers(findBuffers(block)) {}

  LogicalResult run();

  int64_t numBarriers = 0;

private:
  using Key = std::pair<unsigned, Attribute>;

  void findShares();
  void findUpdates();
  SmallVector<Share *> getReads(Operation *op);
  SmallVector<unsigned, 4> getWrites(Operation *op) const;

  void order(dist::AxesAttr axes);
  void addBarriers(OpBuilder builder, Location loc,
                   ArrayRef<dist::AxesAttr> wanted);

  func::FuncOp function;
  Block &block;
  Buffers buffers;
  llvm::MapVector<Key, Share> shares;
  /// Buffers of arguments that an op writes the new value of without a tie.
  DenseMap<Operation *, SmallVector<unsigned, 1>> updates;
};

} // namespace

void Placer::findShares() {
  for (auto view : block.getOps<PeerViewOp>()) {
    unsigned buffer = buffers.lookup(view.getOperand());
    Share &share = shares[{buffer, view.getAxes()}];
    share.axes = view.getAxes();
    share.value = view.getOperand();
    // Written by the step before, or by the runtime.
    share.isUnseen = true;
    for (Operation *user : view->getUsers())
      if (!share.lastReader || share.lastReader->isBeforeInBlock(user))
        share.lastReader = user;
  }
}

/// What becomes an argument's new value may be written right into its slot.
void Placer::findUpdates() {
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands())) {
    auto argument = function.getResultAttrOfType<IntegerAttr>(
        index, fabric::FabricDialect::kUpdateOfAttr);
    if (!argument)
      continue;
    const Buffer &buffer = buffers.getAll()[buffers.lookup(value)];
    if (Operation *op = buffer.values.front().getDefiningOp())
      updates[op].push_back(
          buffers.lookup(function.getArgument(argument.getInt())));
  }
}

SmallVector<Share *> Placer::getReads(Operation *op) {
  SmallVector<Share *> reads;
  for (Value operand : op->getOperands())
    if (auto view = operand.getDefiningOp<PeerViewOp>())
      reads.push_back(
          &shares.find({buffers.lookup(view.getOperand()), view.getAxes()})
               ->second);
  return reads;
}

SmallVector<unsigned, 4> Placer::getWrites(Operation *op) const {
  SmallVector<unsigned, 4> writes(updates.lookup(op));
  for (Value result : op->getResults())
    writes.push_back(buffers.lookup(result));
  return writes;
}

/// Everybody has written and read what comes before.
void Placer::order(dist::AxesAttr axes) {
  for (auto &[key, share] : shares)
    if (exec::coversAxes(axes, share.axes))
      share.isUnseen = share.isRead = false;
}

void Placer::addBarriers(OpBuilder builder, Location loc,
                         ArrayRef<dist::AxesAttr> wanted) {
  for (dist::AxesAttr axes : wanted) {
    bool isCovered = llvm::any_of(wanted, [&](dist::AxesAttr other) {
      return other != axes && exec::coversAxes(other, axes) &&
             !exec::coversAxes(axes, other);
    });
    if (isCovered)
      continue;
    SmallVector<Value> released;
    for (auto &[key, share] : shares)
      if (share.isRead && exec::coversAxes(axes, share.axes))
        released.push_back(share.value);
    exec::BarrierOp::create(builder, loc, axes, released);
    order(axes);
    ++numBarriers;
  }
}

LogicalResult Placer::run() {
  findShares();
  if (shares.empty())
    return success();
  findUpdates();
  SmallVector<PlannedOpInterface> program;
  for (Operation &op : block.without_terminator()) {
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned)
      return op.emitOpError() << "is not an instruction";
    if (!planned.isAlias())
      program.push_back(planned);
  }

  for (PlannedOpInterface op : program) {
    SmallVector<Share *> reads = getReads(op);
    SmallVector<unsigned, 4> writes = getWrites(op);
    llvm::SetVector<dist::AxesAttr> before, after;
    for (Share *share : reads)
      if (share->isUnseen)
        before.insert(share->axes);
    for (auto &[key, share] : shares)
      if (share.isRead && llvm::is_contained(writes, key.first))
        before.insert(share.axes);
    addBarriers(OpBuilder(op), op->getLoc(), before.getArrayRef());
    if (dist::AxesAttr axes = op.getOrderedAxes())
      order(axes);

    for (auto &[key, share] : shares)
      share.isUnseen |= llvm::is_contained(writes, key.first);
    for (Share *share : reads) {
      share->isRead = true;
      bool isArgument =
          buffers.getAll()[buffers.lookup(share->value)].isArgument();
      if (share->lastReader == op.getOperation() && !isArgument)
        after.insert(share->axes);
    }
    OpBuilder behind(op);
    behind.setInsertionPointAfter(op);
    addBarriers(behind, op->getLoc(), after.getArrayRef());
  }

  llvm::SetVector<dist::AxesAttr> atEnd;
  for (auto &[key, share] : shares)
    if (share.isRead)
      atEnd.insert(share.axes);
  Operation *end = block.getTerminator();
  addBarriers(OpBuilder(end), end->getLoc(), atEnd.getArrayRef());
  return success();
}

namespace {
struct PlaceBarriersPass
    : lowering::impl::PlaceBarriersPassBase<PlaceBarriersPass> {
  using PlaceBarriersPassBase::PlaceBarriersPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Placer placer(function);
      if (failed(placer.run()))
        return signalPassFailure();
      numBarriers += placer.numBarriers;
    }
  }
};
} // namespace
