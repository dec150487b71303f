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
//     free then and not at some later barrier: it is an operand of that one.
//     As many bytes as `join-bytes` may wait for the next barrier;
//   * at the end of a step: the next one, and the runtime between, may write.
//
// Collectives in which every rank needs something of every other are barriers,
// too.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
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
  bool isOver = false; ///< Of the workspace, and nobody reads it any more.
};

class Placer {
public:
  Placer(func::FuncOp function, int64_t joinBytes)
      : joinBytes(joinBytes), block(function.getBody().front()),
        buffers(findBuffers(block)),
        updates(findUntiedUpdates(function, buffers)) {}

  LogicalResult run();

  int64_t numBarriers = 0;

private:
  using Key = std::pair<unsigned, Attribute>;

  void findShares();
  SmallVector<Share *> getReads(Operation *op);
  int64_t getBytes(const Share &share) const;

  void order(dist::AxesAttr axes, bool isBarrier);
  void addBarriers(OpBuilder builder, Location loc,
                   ArrayRef<dist::AxesAttr> wanted);

  const int64_t joinBytes;
  Block &block;
  Buffers buffers;
  UntiedUpdates updates;
  llvm::MapVector<Key, Share> shares;
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

SmallVector<Share *> Placer::getReads(Operation *op) {
  SmallVector<Share *> reads;
  for (Value operand : op->getOperands())
    if (auto view = operand.getDefiningOp<PeerViewOp>())
      reads.push_back(
          &shares.find({buffers.lookup(view.getOperand()), view.getAxes()})
               ->second);
  return reads;
}

int64_t Placer::getBytes(const Share &share) const {
  return buffers.getAll()[buffers.lookup(share.value)].getNumBytes();
}

/// Everybody has written and read what comes before. What is over is kept for a
/// barrier, which is what ends its lifetime.
void Placer::order(dist::AxesAttr axes, bool isBarrier) {
  for (auto &[key, share] : shares) {
    if (!exec::coversAxes(axes, share.axes))
      continue;
    share.isUnseen = false;
    if (isBarrier || !share.isOver)
      share.isRead = share.isOver = false;
  }
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
    order(axes, /*isBarrier=*/true);
    ++numBarriers;
  }
}

LogicalResult Placer::run() {
  findShares();
  if (shares.empty())
    return success();
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
    SmallVector<unsigned, 4> writes = getWrites(op, buffers, updates);
    llvm::SetVector<dist::AxesAttr> before, after;
    for (Share *share : reads)
      if (share->isUnseen)
        before.insert(share->axes);
    for (auto &[key, share] : shares)
      if (share.isRead && llvm::is_contained(writes, key.first))
        before.insert(share.axes);
    addBarriers(OpBuilder(op), op->getLoc(), before.getArrayRef());
    if (dist::AxesAttr axes = op.getOrderedAxes())
      order(axes, /*isBarrier=*/false);

    for (auto &[key, share] : shares)
      share.isUnseen |= llvm::is_contained(writes, key.first);
    for (Share *share : reads) {
      share->isRead = true;
      bool isArgument =
          buffers.getAll()[buffers.lookup(share->value)].isArgument();
      share->isOver = share->lastReader == op.getOperation() && !isArgument;
    }
    int64_t waitingBytes = 0;
    for (auto &[key, share] : shares)
      waitingBytes += share.isOver ? getBytes(share) : 0;
    for (auto &[key, share] : shares)
      if (share.isOver && waitingBytes > joinBytes)
        after.insert(share.axes);
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
      Placer placer(function, joinBytes);
      if (failed(placer.run()))
        return signalPassFailure();
      numBarriers += placer.numBarriers;
    }
  }
};
} // namespace
