//===- Overlap.cpp - Collectives beside what computes ---------------------===//
//
// What computes keeps its order. Two sweeps over it make room for collectives:
//
//   drain     forward: what only updates, or only leads to results, waits until
//             the collective that it reads has had the time that it takes;
//   prefetch  backward: a collective starts that long before its first reader,
//             or where its operand is ready, if that is later. What it is made
//             from, if from one argument alone, comes with it.
//
// Time is work in bytes sent, of products only: lowering fuses the rest, and
// moves it. A stream carries one collective at a time.
// Estimates are rough, so that a collective gets twice the time that it takes;
// but where nothing is fast enough, no more than two of a stream are ahead of
// their readers, or everything would be gathered first and updated last.
// Where the budget does not hold that, it gets half of it, and so on; where it
// holds nothing, the order stays.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Analysis/Liveness.h"
#include "passes/Schedule/Cost.h"
#include "passes/Schedule/MadeFromArgument.h"
#include "passes/Schedule/Passes.h"
#include "llvm/ADT/MapVector.h"

#define DEBUG_TYPE "schedule-overlap"

namespace mlir::schedule {
#define GEN_PASS_DEF_OVERLAPPASS
#include "passes/Schedule/Passes.h.inc"
} // namespace mlir::schedule

using namespace mlir;
using namespace mlir::schedule;
using namespace mlir::analysis;

/// Twice, as estimates are rough; then half as much, until it fits.
static constexpr int64_t kMargin = 2;
static constexpr int64_t kDivisors[] = {1, 2, 4, 8};
/// Collectives of a stream that are ahead of their readers, at most.
static constexpr size_t kMaxAhead = 2;
/// A plan has 8, one of which computes.
static constexpr size_t kMaxStreams = 7;

static dist::AxesAttr getAxes(Operation *op) {
  return cast<dist::CollectiveOpInterface>(op).getCollectiveAxes();
}

namespace {

using Order = SmallVector<Operation *>;

/// Products are the program, and stay.
bool isProduct(Operation *op) {
  auto cost = dyn_cast<fabric::CostOpInterface>(op);
  return cost && cost.getContractionFlops() > 0;
}

int64_t getProductWork(Operation *op) {
  return isProduct(op) ? getWork(op) : 0;
}

/// Positions of the ops of an order, and the work before each.
struct Timeline {
  explicit Timeline(const Order &order,
                    function_ref<int64_t(Operation *)> work = getProductWork) {
    time.push_back(0);
    for (auto [index, op] : llvm::enumerate(order)) {
      position[op] = index;
      time.push_back(time.back() + work(op));
    }
  }

  /// Of the first op that reads the result of a collective.
  int64_t getFirstReader(Operation *collective) const {
    int64_t first = getEnd();
    for (Operation *reader : getReaders(collective->getResult(0)))
      first = std::min(first, getPosition(reader));
    return first;
  }
  /// The terminator's is behind the last.
  int64_t getPosition(Operation *op) const {
    auto it = position.find(op);
    return it == position.end() ? getEnd() : it->second;
  }
  int64_t getEnd() const { return time.size() - 1; }
  /// Work before the op at a position.
  int64_t getTime(int64_t position) const { return time[position]; }
  /// The first position with as much work before it; the end where there is
  /// none.
  int64_t findFirst(int64_t work) const {
    int64_t found = llvm::lower_bound(time, work) - time.begin();
    return std::min(found, getEnd());
  }
  /// The last position with no more work before it.
  int64_t findLast(int64_t work) const {
    return llvm::upper_bound(time, std::max<int64_t>(work, 0)) - time.begin() -
           1;
  }

private:
  DenseMap<Operation *, int64_t> position;
  SmallVector<int64_t> time;
};

class Overlapper {
public:
  explicit Overlapper(Block &block);

  /// The order in which each collective gets 1/`divisor` of the time that it
  /// should have.
  Order findOrder(int64_t divisor) const {
    return prefetch(drain(program, divisor), divisor);
  }
  const Order &getProgram() const { return program; }

private:
  void findLate();
  Order drain(const Order &order, int64_t divisor) const;
  Order prefetch(const Order &order, int64_t divisor) const;
  static int64_t getLength(Operation *collective, int64_t divisor) {
    return getBytesSent(collective) * kMargin / divisor;
  }

  MadeFromArgument madeFromArgument;
  Order program;
  /// What may run later, with all that depends on it.
  DenseSet<Operation *> late;
  /// Who overwrites a value.
  DenseMap<Value, Operation *> updates;
};

} // namespace

Overlapper::Overlapper(Block &block) : madeFromArgument(block) {
  for (Operation &op : block.without_terminator()) {
    program.push_back(&op);
    for (Value version : getUpdatedVersions(&op))
      updates[version] = &op;
  }
  findLate();
}

/// Products stay, what they read, and what reads a value before an update that
/// stays.
void Overlapper::findLate() {
  for (Operation *op : llvm::reverse(program)) {
    if (isProduct(op) || !isMemoryEffectFree(op))
      continue;
    auto isLate = [&](Operation *other) {
      return other->hasTrait<OpTrait::IsTerminator>() || late.contains(other);
    };
    bool canWait = llvm::all_of(op->getUsers(), isLate) &&
                   llvm::all_of(op->getOperands(), [&](Value operand) {
                     Operation *update = updates.lookup(getVersion(operand));
                     return !update || update == op || isLate(update);
                   });
    if (canWait)
      late.insert(op);
  }
}

/// Those that send something, by axes, in the order of `getKey`.
static llvm::MapVector<dist::AxesAttr, Order>
groupByAxes(const Order &order, function_ref<int64_t(Operation *)> getKey) {
  SmallVector<std::pair<int64_t, int64_t>> keys;
  for (auto [index, op] : llvm::enumerate(order))
    if (getBytesSent(op) > 0)
      keys.emplace_back(getKey(op), index);
  llvm::sort(keys);
  llvm::MapVector<dist::AxesAttr, Order> groups;
  for (auto [key, index] : keys)
    groups[getAxes(order[index])].push_back(order[index]);
  return groups;
}

namespace {
/// Where ops go: before what stays at a place, and those that go to one place
/// in the order in which they stand.
struct Move {
  int64_t place;
  bool stays = true;
};
} // namespace

static SmallVector<Move> stayAll(const Order &order) {
  return llvm::map_to_vector(llvm::seq<int64_t>(0, order.size()),
                             [](int64_t index) { return Move{index}; });
}

static Order apply(const Order &order, ArrayRef<Move> moves) {
  auto indices = llvm::to_vector(llvm::seq<int64_t>(0, order.size()));
  auto key = [&](int64_t index) {
    return std::tuple(moves[index].place, moves[index].stays, index);
  };
  llvm::sort(indices, [&](int64_t a, int64_t b) { return key(a) < key(b); });
  return llvm::map_to_vector(indices,
                             [&](int64_t index) { return order[index]; });
}

Order Overlapper::drain(const Order &order, int64_t divisor) const {
  Timeline timeline(order);
  SmallVector<Move> moves = stayAll(order);
  auto delay = [&](int64_t position, int64_t place) {
    if (place > moves[position].place)
      moves[position] = {place, /*stays=*/false};
  };
  // Where the last but one after each collective stands: its readers wait no
  // longer.
  DenseMap<Operation *, int64_t> latest;
  for (auto &[axes, group] : groupByAxes(
           order, [&](Operation *op) { return timeline.getPosition(op); }))
    for (size_t i = 0; i + kMaxAhead < group.size(); ++i)
      latest[group[i]] = timeline.getPosition(group[i + kMaxAhead]);
  DenseMap<dist::AxesAttr, int64_t> busyUntil;
  for (auto [index, op] : llvm::enumerate(order)) {
    auto follow = [&](Operation *other) {
      int64_t position = timeline.getPosition(other);
      if (position < static_cast<int64_t>(index))
        delay(index, moves[position].place);
    };
    for (Value operand : op->getOperands())
      if (Operation *maker = operand.getDefiningOp())
        follow(maker);
    for (Value version : getUpdatedVersions(op))
      for (Operation *reader : getReaders(version))
        if (reader != op)
          follow(reader);
    if (getBytesSent(op) == 0)
      continue;
    int64_t &busy = busyUntil[getAxes(op)];
    busy = std::max(busy, timeline.getTime(moves[index].place)) +
           getLength(op, divisor);
    SmallVector<Operation *> readers = getReaders(op->getResult(0));
    bool canWait = llvm::all_of(readers, [&](Operation *reader) {
      return late.contains(reader) || reader->hasTrait<OpTrait::IsTerminator>();
    });
    if (!canWait)
      continue;
    int64_t wanted = timeline.findFirst(busy);
    if (auto limit = latest.find(op); limit != latest.end())
      wanted = std::min(wanted, limit->second);
    for (Operation *reader : readers)
      if (int64_t position = timeline.getPosition(reader);
          position < timeline.getEnd())
        delay(position, wanted);
  }
  return apply(order, moves);
}

Order Overlapper::prefetch(const Order &order, int64_t divisor) const {
  Timeline timeline(order);
  SmallVector<Move> moves = stayAll(order);
  for (auto &[axes, group] : groupByAxes(
           order, [&](Operation *op) { return timeline.getFirstReader(op); })) {
    int64_t busyFrom = timeline.getTime(timeline.getEnd());
    for (size_t i = group.size(); i-- > 0;) {
      Operation *op = group[i];
      int64_t end = timeline.getTime(timeline.getFirstReader(op));
      int64_t start = std::min(end, busyFrom) - getLength(op, divisor);
      busyFrom = std::min(start, timeline.getTime(timeline.getPosition(op)));
      int64_t place = timeline.findLast(start);
      if (i >= kMaxAhead)
        place =
            std::max(place, timeline.getFirstReader(group[i - kMaxAhead]) + 1);
      SmallVector<Operation *> chain = {op};
      if (madeFromArgument.contains(op))
        chain = madeFromArgument.getChain(op);
      else if (Operation *maker = op->getOperand(0).getDefiningOp())
        place = std::max(place, timeline.getPosition(maker) + 1);
      for (Operation *link : chain)
        if (Move &move = moves[timeline.getPosition(link)]; move.place >= place)
          move = {place, /*stays=*/false};
    }
  }
  return apply(order, moves);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

static void setOrder(const Order &order, Block &block) {
  for (Operation *op : order)
    op->moveBefore(block.getTerminator());
}

/// Marks the collectives of all groups in which one has work beside it, of
/// whatever kind. Returns what each has.
static llvm::MapVector<Operation *, int64_t> mark(const Order &order) {
  Timeline timeline(order, getWork);
  llvm::MapVector<Operation *, int64_t> beside;
  llvm::SetVector<dist::AxesAttr> streams;
  for (Operation *op : order) {
    if (getBytesSent(op) == 0)
      continue;
    int64_t done = timeline.getFirstReader(op);
    beside[op] =
        timeline.getTime(done) - timeline.getTime(timeline.getPosition(op));
    if (beside[op] > 0 && streams.size() < kMaxStreams)
      streams.insert(getAxes(op));
  }
  beside.remove_if([&](const auto &entry) {
    return !streams.contains(getAxes(entry.first));
  });
  for (auto &entry : beside)
    entry.first->setAttr(dist::DistDialect::kAsyncAttr,
                         UnitAttr::get(entry.first->getContext()));
  return beside;
}

namespace {
class Overlap : public schedule::impl::OverlapPassBase<Overlap> {
public:
  using OverlapPassBase::OverlapPassBase;

private:
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t budget = std::numeric_limits<int64_t>::max();
    if (function.isExternal() || memory == "min")
      return;
    if (memory != "fast" &&
        (StringRef(memory).getAsInteger(10, budget) || budget < 0)) {
      function.emitError() << "memory must be min, fast or a number of bytes, "
                              "found \""
                           << memory << "\"";
      return signalPassFailure();
    }
    Block &block = function.getBody().front();
    Overlapper overlapper(block);
    for (int64_t divisor : kDivisors) {
      Order order = overlapper.findOrder(divisor);
      setOrder(order, block);
      auto beside = mark(order);
      int64_t peak = BlockLiveness(block).getPeakBytes() +
                     (scratch ? getScratchBytes(block) : 0);
      if (peak <= budget) {
        peakBytes.updateMax(peak);
        numAsync += beside.size();
        for (auto [op, work] : beside)
          // Not the op's own, which prints it, and numbers all values for that.
          emitRemark(op->getLoc())
              << "runs beside what computes: sends " << getBytesSent(op)
              << " bytes, with work for as long as " << work << " bytes take";
        return;
      }
      for (auto &entry : beside)
        entry.first->removeAttr(dist::DistDialect::kAsyncAttr);
    }
    setOrder(overlapper.getProgram(), block);
    function.emitRemark() << "no collective runs beside what computes: the "
                             "memory budget of "
                          << budget << " bytes has no room for it";
  }
};
} // namespace
