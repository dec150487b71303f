//===- VerifyMemory.cpp - Every value is there when it is read ------------===//
//
// Shares nothing with the planner: it runs the program on slots. For every
// arena it knows which value the bytes of each range hold. An instruction finds
// its operands' bytes as they were written, whole, and then writes its results;
// a result may lie over an operand only if it is tied to it.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Passes.h"
#include <map>

using namespace mlir;
using exec::ArenaKind;
using exec::PlannedOpInterface;
using exec::SlotAttr;

namespace mlir::lowering {
#define GEN_PASS_DEF_VERIFYMEMORYPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// What the bytes of one arena hold: from offset to the end and the content of
/// each range that was written.
class ArenaContents {
public:
  void write(int64_t begin, int64_t end, Value content) {
    // Cut what is written over, keep what sticks out at either end.
    auto it = ranges.lower_bound(begin);
    if (it != ranges.begin() && std::prev(it)->second.first > begin)
      --it;
    while (it != ranges.end() && it->first < end) {
      auto [oldBegin, old] = *it;
      it = ranges.erase(it);
      if (oldBegin < begin)
        ranges[oldBegin] = {begin, old.second};
      if (old.first > end)
        it = ranges.insert({end, {old.first, old.second}}).first;
    }
    ranges[begin] = {end, content};
  }

  bool holds(int64_t begin, int64_t end, Value content) const {
    auto it = ranges.find(begin);
    return it != ranges.end() && it->second.first == end &&
           it->second.second == content;
  }

private:
  std::map<int64_t, std::pair<int64_t, Value>> ranges;
};

class Verifier {
public:
  explicit Verifier(func::FuncOp function) : function(function) {}
  LogicalResult run();

private:
  LogicalResult write(Value value, SlotAttr slot, Value content);
  LogicalResult read(Operation *op, Value value) const;
  LogicalResult checkOp(PlannedOpInterface op);
  LogicalResult checkRun(Operation *op, ValueRange run) const;
  LogicalResult checkUpdates(Operation *terminator) const;

  /// Where the value ends that this one is, or is a piece of.
  int64_t getEnd(Value value, SlotAttr slot) const {
    auto content = contents.find(value);
    if (content != contents.end())
      value = content->second;
    return slot.getOffset() + exec::getNumBytes(value.getType());
  }
  bool overlap(SlotAttr a, Value aValue, SlotAttr b, Value bValue) const {
    return a.getArena() == b.getArena() && a.getOffset() < getEnd(bValue, b) &&
           b.getOffset() < getEnd(aValue, a);
  }

  mutable func::FuncOp function; // MLIR's accessors are not const.
  std::map<ArenaKind, int64_t> arenaBytes;
  std::map<ArenaKind, ArenaContents> arenas;
  DenseMap<Value, SlotAttr> slots;
  /// The value whose bytes a view's are.
  DenseMap<Value, Value> contents;
};

} // namespace

LogicalResult Verifier::write(Value value, SlotAttr slot, Value content) {
  Operation *op = value.getDefiningOp() ? value.getDefiningOp() : function;
  if (!slot)
    return op->emitOpError() << "has no slot for " << value.getType();
  int64_t end = slot.getOffset() + exec::getNumBytes(value.getType());
  auto arena = arenaBytes.find(slot.getArena());
  if (arena == arenaBytes.end() || end > arena->second)
    return op->emitOpError()
           << "has a slot that ends at byte " << end << " of the arena "
           << stringifyArenaKind(slot.getArena()) << " of "
           << (arena == arenaBytes.end() ? 0 : arena->second);
  slots[value] = slot;
  contents[value] = content;
  if (content == value)
    arenas[slot.getArena()].write(slot.getOffset(), end, value);
  return success();
}

LogicalResult Verifier::read(Operation *op, Value value) const {
  SlotAttr slot = slots.at(value);
  auto arena = arenas.find(slot.getArena());
  int64_t end = getEnd(value, slot);
  if (arena != arenas.end() &&
      arena->second.holds(slot.getOffset(), end, contents.at(value)))
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << "reads a value of type " << value.getType()
                        << " whose slot " << slot << " was overwritten";
  diagnostic.attachNote(value.getLoc()) << "the value";
  return diagnostic;
}

LogicalResult Verifier::checkOp(PlannedOpInterface op) {
  for (Value operand : op->getOperands())
    if (failed(read(op, operand)))
      return failure();
  for (OpResult result : op->getResults()) {
    SlotAttr slot = op.getSlotOf(result.getResultNumber());
    auto tied = op.getTiedOperand(result.getResultNumber());
    if (slot && tied && slots.at(op->getOperand(*tied)) != slot)
      return op.emitOpError()
             << "ties a result in slot " << slot << " to an operand in slot "
             << slots.at(op->getOperand(*tied));
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      if (slot && (!tied || index != *tied) &&
          overlap(slot, result, slots.at(operand), operand))
        return op.emitOpError() << "writes a result over operand #" << index
                                << ", to which it is not tied";
    for (OpResult other : op->getResults().take_front(result.getResultNumber()))
      if (slot && overlap(slot, result, slots.at(other), other))
        return op.emitOpError() << "writes two results to one slot";
    Value content = op.isAlias() ? contents.at(op->getOperand(*tied)) : result;
    if (failed(write(result, slot, content)))
      return failure();
  }
  for (ValueRange run : op.getRuns())
    if (failed(checkRun(op, run)))
      return failure();
  return success();
}

/// One after the other, at equal distances.
LogicalResult Verifier::checkRun(Operation *op, ValueRange run) const {
  SlotAttr first = slots.at(run[0]), second = slots.at(run[1]);
  int64_t distance = second.getOffset() - first.getOffset();
  for (auto [index, value] : llvm::enumerate(run)) {
    SlotAttr slot = slots.at(value);
    int64_t expected =
        first.getOffset() + static_cast<int64_t>(index) * distance;
    if (distance < exec::getNumBytes(value.getType()) ||
        slot.getArena() != first.getArena() || slot.getOffset() != expected)
      return op->emitOpError()
             << "expects what it accesses as one to lie one after the other, "
                "found slots "
             << first << " and " << (index == 0 ? second : slot);
  }
  return success();
}

/// New values of arguments are where the arguments were.
LogicalResult Verifier::checkUpdates(Operation *terminator) const {
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    if (failed(read(terminator, value)))
      return failure();
    auto argument = function.getResultAttrOfType<IntegerAttr>(
        index, fabric::FabricDialect::kUpdateOfAttr);
    if (argument &&
        slots.at(value) != slots.at(function.getArgument(argument.getInt())))
      return terminator->emitOpError()
             << "returns the new value of argument #" << argument.getInt()
             << " in another slot, " << slots.at(value);
  }
  return success();
}

LogicalResult Verifier::run() {
  auto module = function->getParentOfType<ModuleOp>();
  if (auto list =
          module->getAttrOfType<ArrayAttr>(exec::ExecDialect::kArenasAttr))
    for (auto arena : list.getAsRange<exec::ArenaAttr>())
      arenaBytes[arena.getKind()] = arena.getBytes();
  for (BlockArgument argument : function.getArguments()) {
    auto slot = function.getArgAttrOfType<SlotAttr>(
        argument.getArgNumber(), exec::ExecDialect::kSlotAttr);
    if (failed(write(argument, slot, argument)))
      return failure();
  }
  for (BlockArgument argument : function.getArguments())
    if (failed(read(function, argument)))
      return failure();
  for (Operation &op : function.getBody().front().without_terminator()) {
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned)
      return op.emitOpError() << "is not an instruction";
    if (failed(checkOp(planned)))
      return failure();
  }
  return checkUpdates(function.getBody().front().getTerminator());
}

namespace {
struct VerifyMemoryPass
    : lowering::impl::VerifyMemoryPassBase<VerifyMemoryPass> {
  using VerifyMemoryPassBase::VerifyMemoryPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      if (failed(Verifier(function).run()))
        return signalPassFailure();
      int64_t found = 0;
      function.walk([&](exec::CopyOp) { ++found; });
      if (found > maxCopies.getValue()) {
        function.emitOpError() << "expects at most " << maxCopies.getValue()
                               << " planned copies, found " << found;
        return signalPassFailure();
      }
    }
    markAllAnalysesPreserved();
  }
};
} // namespace
