//===- PlaceEvents.cpp - What streams wait for ----------------------------===//
//
// Instructions are in an order that is right. Those of different streams that
// touch the same bytes, one of them to write, must keep it; all others need
// not. By slots, so that what is read after it is written and what is written
// over after it is read are one question.
//
// One walk. For every byte and stream it is known which instruction wrote it
// last and which read it last; what an instruction waits for is, in each other
// stream, the last of those that it must not overtake. Clocks say what its
// stream has waited for before, also through other streams: no wait is placed
// that another one makes superfluous.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Passes.h"
#include "runtime/Support/RangeMax.h"
#include "llvm/ADT/MapVector.h"
#include <map>

using namespace mlir;
using exec::PlannedOpInterface;
using exec::SlotAttr;
using ::fabric::RangeMax;

namespace mlir::lowering {
#define GEN_PASS_DEF_PLACEEVENTSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// Bytes of an arena.
using Place = std::pair<exec::ArenaKind, int64_t>;
struct Window {
  Place begin, end;
};

struct Instruction {
  Operation *op;
  size_t stream;
  SmallVector<Window> reads, writes;
};

/// For each stream, its last instruction that is done; -1 for none.
using Clock = SmallVector<int64_t, 4>;

class Placer {
public:
  explicit Placer(func::FuncOp function) : function(function) {}
  LogicalResult run();
  int64_t numWaits = 0;

private:
  LogicalResult collect();
  FailureOr<Window> getWindow(Operation *user, Value value);
  void findCells();
  Clock findNeeds(const Instruction &instruction) const;
  void waitFor(const Instruction &instruction, const Clock &needs);
  void number();

  std::pair<size_t, size_t> getCells(const Window &window) const {
    return {cells.at(window.begin), cells.at(window.end)};
  }

  func::FuncOp function;
  /// The first is null: of what computes.
  llvm::SetVector<dist::AxesAttr> streams;
  SmallVector<Instruction> program;
  std::map<Place, size_t> cells;          ///< By where they begin.
  std::vector<RangeMax> writers, readers; ///< By stream.
  SmallVector<Clock> clocks;              ///< By stream.
  SmallVector<Clock> after;               ///< By instruction.
  DenseMap<Operation *, exec::RecordOp> records;
  SmallVector<std::pair<exec::WaitOp, exec::RecordOp>> waits;
};

} // namespace

FailureOr<Window> Placer::getWindow(Operation *user, Value value) {
  SlotAttr slot;
  if (auto argument = dyn_cast<BlockArgument>(value))
    slot = function.getArgAttrOfType<SlotAttr>(argument.getArgNumber(),
                                               exec::ExecDialect::kSlotAttr);
  else if (auto op = value.getDefiningOp<PlannedOpInterface>())
    slot = op.getSlotOf(cast<OpResult>(value).getResultNumber());
  if (!slot)
    return user->emitOpError() << "has no slot for " << value.getType();
  int64_t begin = slot.getOffset();
  return Window{{slot.getArena(), begin},
                {slot.getArena(), begin + exec::getNumBytes(value.getType())}};
}

/// What a step runs: other names of values and what is loaded before are not.
LogicalResult Placer::collect() {
  streams.insert(dist::AxesAttr());
  for (Operation &op : function.getBody().front().without_terminator()) {
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned)
      return op.emitOpError() << "is not an instruction";
    if (planned.isAlias() || isa<exec::ConstantOp>(op))
      continue;
    if (isa<exec::BarrierOp>(op) && streams.size() > 1)
      return op.emitOpError() << "cannot order ranks among streams";
    dist::AxesAttr axes = planned.getStream();
    streams.insert(axes);
    size_t stream = llvm::find(streams, axes) - streams.begin();
    Instruction instruction{&op, stream, {}, {}};
    for (Value operand : op.getOperands()) {
      FailureOr<Window> window = getWindow(&op, operand);
      if (failed(window))
        return failure();
      instruction.reads.push_back(*window);
    }
    for (Value result : op.getResults()) {
      FailureOr<Window> window = getWindow(&op, result);
      if (failed(window))
        return failure();
      instruction.writes.push_back(*window);
    }
    program.push_back(std::move(instruction));
  }
  return success();
}

void Placer::findCells() {
  for (const Instruction &instruction : program)
    for (const auto *windows : {&instruction.reads, &instruction.writes})
      for (const Window &window : *windows) {
        cells[window.begin] = 0;
        cells[window.end] = 0;
      }
  for (auto [index, cell] : llvm::enumerate(cells))
    cell.second = index;
  writers.assign(streams.size(), RangeMax(cells.size(), -1));
  readers = writers;
  clocks.assign(streams.size(), Clock(streams.size(), -1));
}

/// In each other stream, the last instruction that must be done before and is
/// not known to be.
Clock Placer::findNeeds(const Instruction &instruction) const {
  Clock needs(streams.size(), -1);
  auto need = [&](ArrayRef<Window> windows, const std::vector<RangeMax> &last) {
    for (const Window &window : windows) {
      auto [begin, end] = getCells(window);
      for (auto [stream, other] : llvm::enumerate(last))
        if (stream != instruction.stream)
          needs[stream] = std::max(needs[stream], other.max(begin, end));
    }
  };
  need(instruction.reads, writers);
  need(instruction.writes, writers);
  need(instruction.writes, readers);
  const Clock &clock = clocks[instruction.stream];
  for (auto [stream, other] : llvm::enumerate(needs))
    if (other <= clock[stream])
      other = -1;
  // What another one that is waited for comes after.
  Clock all = needs;
  for (auto [stream, other] : llvm::enumerate(all))
    for (auto [covering, latest] : llvm::enumerate(all))
      if (covering != stream && latest >= 0 && after[latest][stream] >= other)
        needs[stream] = -1;
  return needs;
}

void Placer::waitFor(const Instruction &instruction, const Clock &needs) {
  Clock &clock = clocks[instruction.stream];
  OpBuilder before(instruction.op);
  for (int64_t other : needs) {
    if (other < 0)
      continue;
    const Instruction &source = program[other];
    exec::RecordOp &record = records[source.op];
    if (!record) {
      OpBuilder behind(source.op);
      behind.setInsertionPointAfter(source.op);
      record = exec::RecordOp::create(behind, source.op->getLoc(), 0,
                                      streams[source.stream]);
    }
    auto wait = exec::WaitOp::create(before, instruction.op->getLoc(), 0,
                                     streams[instruction.stream]);
    waits.emplace_back(wait, record);
    ++numWaits;
    for (auto [stream, done] : llvm::enumerate(after[other]))
      clock[stream] = std::max(clock[stream], done);
  }
}

void Placer::number() {
  int64_t count = 0;
  for (auto record : function.getBody().front().getOps<exec::RecordOp>())
    record.setEvent(count++);
  for (auto [wait, record] : waits)
    wait.setEvent(record.getEvent());
}

LogicalResult Placer::run() {
  if (failed(collect()))
    return failure();
  if (streams.size() == 1)
    return success();
  findCells();
  for (auto [index, instruction] : llvm::enumerate(program)) {
    waitFor(instruction, findNeeds(instruction));
    auto note = [&](ArrayRef<Window> windows, RangeMax &last) {
      for (const Window &window : windows) {
        auto [begin, end] = getCells(window);
        last.set(begin, end, index);
      }
    };
    note(instruction.reads, readers[instruction.stream]);
    note(instruction.writes, writers[instruction.stream]);
    clocks[instruction.stream][instruction.stream] = index;
    after.push_back(clocks[instruction.stream]);
  }
  number();
  return success();
}

namespace {
struct PlaceEventsPass : lowering::impl::PlaceEventsPassBase<PlaceEventsPass> {
  using PlaceEventsPassBase::PlaceEventsPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Placer placer(function);
      if (failed(placer.run()))
        return signalPassFailure();
      numWaits += placer.numWaits;
    }
  }
};
} // namespace
