//===- Order.cpp - The order of execution ---------------------------------===//
//
// List scheduling that keeps the program's order for most ops. *Anchors* are
// taken one by one, as they come. Before an anchor stand the ops that it
// demands: those made from an argument alone, and views, are placed nowhere
// else. After it, as long as there are any, the *eager* ops that are ready now:
// they make memory free, or end in an update. An update in place waits for the
// readers of what it overwrites. If one of these needs the update's own result,
// no order is right, and the program is refused.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Analysis/Liveness.h"
#include "passes/Schedule/MadeFromArgument.h"
#include "passes/Schedule/Passes.h"
#include "llvm/ADT/SetVector.h"
#include <set>

#define DEBUG_TYPE "schedule-order"

namespace mlir::schedule {
#define GEN_PASS_DEF_ORDERPASS
#include "passes/Schedule/Passes.h.inc"
} // namespace mlir::schedule

using namespace mlir;
using namespace mlir::schedule;
using namespace mlir::analysis;

namespace {

class Scheduler {
public:
  explicit Scheduler(Block &block);

  /// All ops but the terminator, in order. Fails with an error at an update
  /// that no order allows.
  FailureOr<SmallVector<Operation *>> run();

private:
  struct Info {
    int64_t index = 0;
    bool isDone = false, isUnderWay = false;
    /// Only demanded: made from an argument alone, or a view.
    bool isDemanded = false;
    /// Every reader is an update, or leads to one.
    bool leadsToUpdates = false;
    /// Of an update: the readers of what it overwrites, and how many of them,
    /// and of the readers of copies, have not run.
    SmallVector<Operation *> overwrittenReaders;
    size_t numWaitedFor = 0;
    /// Updates that wait for this op.
    SmallVector<Operation *> waiting;
  };

  void findUpdatesFed(ArrayRef<Operation *> order);
  void findWaits(Operation *update);
  bool isEager(Operation *op);
  bool isReady(Operation *op);
  bool isLastReaderOf(Value version);
  LogicalResult place(Operation *op);
  LogicalResult placeReady();
  void noteDone(Operation *op);

  MadeFromArgument madeFromArgument;
  SmallVector<Operation *> programOrder;
  DenseMap<Operation *, Info> infos;
  /// Readers of a version that have not run.
  DenseMap<Value, size_t> unread;
  /// Ops that may have become eager and ready, by program order.
  std::set<int64_t> candidates;
  SmallVector<Operation *> order;
  bool isReported = false;
};

/// Bytes of global tensors are not one rank's.
LogicalResult verifyLocal(Block &block) {
  auto isGlobal = [](Type type) { return bool(dist::getSharding(type)); };
  if (llvm::none_of(block.getArgumentTypes(), isGlobal) &&
      llvm::none_of(block, [&](Operation &op) {
        return llvm::any_of(op.getResultTypes(), isGlobal);
      }))
    return success();
  return block.getParentOp()->emitOpError()
         << "is in global view; partition it before it is scheduled";
}

/// Matrix products keep their place: they are the program.
bool isContraction(Operation *op) {
  auto cost = dyn_cast<fabric::CostOpInterface>(op);
  return cost && cost.getContractionFlops() > 0;
}

int64_t getBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? fabric::getNumBytes(type) : 0;
}

/// The versions that an op reads, each once.
llvm::SmallSetVector<Value, 4> getReadVersions(Operation *op) {
  llvm::SmallSetVector<Value, 4> versions;
  if (!isa<ViewLikeOpInterface>(op))
    for (Value operand : op->getOperands())
      versions.insert(getVersion(operand));
  return versions;
}
} // namespace

Scheduler::Scheduler(Block &block) : madeFromArgument(block) {
  for (Operation &op : block) {
    Info &info = infos[&op];
    info.index = programOrder.size();
    info.isDemanded =
        madeFromArgument.contains(&op) || isa<ViewLikeOpInterface>(op);
    programOrder.push_back(&op);
    for (Value version : getReadVersions(&op))
      ++unread[version];
  }
  programOrder.pop_back(); // the terminator
  findUpdatesFed(programOrder);
  for (Operation *op : programOrder)
    if (isa<fabric::InPlaceOpInterface>(op))
      findWaits(op);
}

void Scheduler::findUpdatesFed(ArrayRef<Operation *> order) {
  for (Operation *op : llvm::reverse(order)) {
    if (isContraction(op) || op->use_empty())
      continue;
    infos[op].leadsToUpdates =
        llvm::all_of(op->getResults(), [&](Value result) {
          return llvm::all_of(
              getReaders(getVersion(result)), [&](Operation *reader) {
                return isa<fabric::InPlaceOpInterface>(reader) ||
                       infos[reader].leadsToUpdates;
              });
        });
  }
}

void Scheduler::findWaits(Operation *update) {
  llvm::SetVector<Operation *> overwritten, all;
  SmallVector<Value> copies;
  for (Value version : getUpdatedVersions(update)) {
    for (Operation *reader : getReaders(version))
      if (reader != update)
        overwritten.insert(reader);
    copies.push_back(version);
  }
  while (!copies.empty())
    for (Operation *reader : getReaders(copies.pop_back_val())) {
      if (reader != update && !reader->hasTrait<OpTrait::IsTerminator>())
        all.insert(reader);
      if (madeFromArgument.contains(reader))
        llvm::append_range(copies, reader->getResults());
    }
  Info &info = infos[update];
  info.overwrittenReaders = overwritten.takeVector();
  info.numWaitedFor = all.size();
  for (Operation *reader : all)
    infos[reader].waiting.push_back(update);
}

bool Scheduler::isLastReaderOf(Value version) {
  return unread.lookup(version) == 1 && !isa<BlockArgument>(getBuffer(version));
}

bool Scheduler::isEager(Operation *op) {
  if (isa<fabric::InPlaceOpInterface>(op) || infos[op].leadsToUpdates)
    return true;
  if (isContraction(op))
    return false;
  int64_t freed = 0;
  for (Value version : getReadVersions(op))
    if (isLastReaderOf(version))
      freed += getBytes(version);
  int64_t taken = getAllocatedBytes(op);
  return isa<dist::CollectiveOpInterface>(op) ? freed >= taken && freed > 0
                                              : freed > taken;
}

bool Scheduler::isReady(Operation *op) {
  if (infos[op].numWaitedFor > 0)
    return false;
  bool isUpdate = isa<fabric::InPlaceOpInterface>(op);
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    Operation *maker = getVersion(operand).getDefiningOp();
    if (!maker || infos[maker].isDone)
      return true;
    // What an update reads besides, such as a cast of a scalar, comes with it.
    return isUpdate && madeFromArgument.contains(maker);
  });
}

/// Places what the op demands, then the op.
LogicalResult Scheduler::place(Operation *op) {
  Info &info = infos[op];
  if (info.isDone)
    return success();
  if (info.isUnderWay)
    return failure();
  info.isUnderWay = true;
  for (Value operand : op->getOperands())
    if (Operation *maker = operand.getDefiningOp())
      if (failed(place(maker)))
        return failure();
  for (Operation *reader : info.overwrittenReaders) {
    if (!reader->hasTrait<OpTrait::IsTerminator>() && succeeded(place(reader)))
      continue;
    if (!isReported) {
      InFlightDiagnostic error =
          op->emitOpError() << "cannot update in place: the value from before "
                               "it is still needed after it";
      error.attachNote(reader->getLoc()) << "needed here";
    }
    isReported = true;
    return failure();
  }
  noteDone(op);
  return success();
}

void Scheduler::noteDone(Operation *op) {
  Info &info = infos[op];
  info.isDone = true;
  order.push_back(op);
  auto addCandidates = [&](ArrayRef<Operation *> readers) {
    for (Operation *reader : readers)
      if (!infos[reader].isDone && !infos[reader].isDemanded &&
          !reader->hasTrait<OpTrait::IsTerminator>())
        candidates.insert(infos[reader].index);
  };
  for (Value version : getReadVersions(op))
    if (--unread[version] == 1)
      addCandidates(getReaders(version));
  for (Value result : op->getResults())
    addCandidates(getReaders(getVersion(result)));
  for (Operation *update : info.waiting)
    if (--infos[update].numWaitedFor == 0)
      addCandidates({update});
}

LogicalResult Scheduler::placeReady() {
  while (!candidates.empty()) {
    Operation *op = programOrder[*candidates.begin()];
    candidates.erase(candidates.begin());
    if (!infos[op].isDone && isReady(op) && isEager(op) && failed(place(op)))
      return failure();
  }
  return success();
}

FailureOr<SmallVector<Operation *>> Scheduler::run() {
  for (Operation *op : programOrder) {
    if (infos[op].isDemanded || isa<fabric::InPlaceOpInterface>(op))
      continue;
    if (failed(place(op)) || failed(placeReady()))
      return failure();
  }
  // What nobody demanded, and updates of what is read last of all.
  for (Operation *op : programOrder)
    if (failed(place(op)))
      return failure();
  return order;
}

namespace {
class Order : public schedule::impl::OrderPassBase<Order> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!llvm::hasSingleElement(function.getBody())) {
      function.emitOpError() << "must have one block to be scheduled, found "
                             << function.getBody().getBlocks().size();
      return signalPassFailure();
    }
    Block &block = function.getBody().front();
    if (failed(verifyLocal(block)))
      return signalPassFailure();
    FailureOr<SmallVector<Operation *>> order = Scheduler(block).run();
    if (failed(order))
      return signalPassFailure();
    Operation *terminator = block.getTerminator();
    Operation *before = nullptr;
    for (Operation *op : *order) {
      if (op->getPrevNode() != before)
        ++numMoved;
      before = op;
    }
    for (Operation *op : *order)
      op->moveBefore(terminator);
  }
};
} // namespace
