//===- PlanMemory.cpp - A slot for every value ----------------------------===//
//
// In the order of execution every result joins the buffer that it is tied to,
// or gets tied to an operand that dies there if its op allows that, or starts a
// buffer. The new value of an argument ends in the argument's slot: by the tie
// of the op that makes it, else because nobody reads the argument any more,
// else, as a last resort, by a copy.
//
// Then buffers go to arenas. What outlives a step has memory of its own:
// parameters, optimizer states, inputs, scalars, constants and named results.
// All else is the workspace, where buffers that are not alive together overlap.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Lowering/Buffers.h"
#include "passes/Lowering/OffsetAssignment.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;
using exec::ArenaKind;
using exec::MemoryClass;
using exec::PlannedOpInterface;
using fabric::FabricDialect;

namespace mlir::lowering {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

class Planner {
public:
  explicit Planner(func::FuncOp function)
      : function(function), block(function.getBody().front()), buffers(block) {}

  LogicalResult decideTies();
  LogicalResult assignSlots();

  int64_t numCopies = 0, workspaceBytes = 0, maxLiveBytes = 0;

private:
  void findTargets();
  LogicalResult checkTies(PlannedOpInterface op);
  void tieResult(PlannedOpInterface op, OpResult result);
  bool canTakeOver(Value value, unsigned argument) const;
  LogicalResult placeUpdates();

  bool isFreeAt(unsigned buffer, Operation *op) const;
  bool isInRun(const Buffer &buffer) const;
  bool isNamedResult(const Buffer &buffer) const;
  DenseSet<unsigned> findGradients() const;
  std::pair<ArenaKind, MemoryClass> classify(const Buffer &buffer) const;
  SmallVector<SmallVector<unsigned>> findPlaced() const;

  mutable func::FuncOp function; // MLIR's accessors are not const.
  Block &block;
  Buffers buffers;
  /// For each value that is the new value of an argument, the argument.
  DenseMap<Value, unsigned> targets;
  /// Nothing is written over these, for it could have a place in another run.
  DenseSet<Value> inRuns;
};

} // namespace

//===----------------------------------------------------------------------===//
// Ties
//===----------------------------------------------------------------------===//

/// Through views: what the returned value is a name of is wanted there.
void Planner::findTargets() {
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands())) {
    auto argument = function.getResultAttrOfType<IntegerAttr>(
        index, FabricDialect::kUpdateOfAttr);
    if (!argument)
      continue;
    Value source = value;
    targets.try_emplace(source, argument.getInt());
    while (auto op = source.getDefiningOp<PlannedOpInterface>()) {
      if (!op.isAlias())
        break;
      source = op->getOperand(*op.getTiedOperand(0));
      targets.try_emplace(source, argument.getInt());
    }
  }
}

/// Whether nobody reads the buffer after `op`, and nobody may be reading it
/// still: a wait in its place would be right, but cost what was gained.
bool Planner::isFreeAt(unsigned buffer, Operation *op) const {
  Operation *last = buffers.getLastReader(buffer);
  int64_t time = buffers.getTime(op);
  return buffers.getAll()[buffer].readUntil <= time &&
         (!last || buffers.getTime(last) <= time);
}

/// The ties that an op came with must not overwrite what is still needed.
LogicalResult Planner::checkTies(PlannedOpInterface op) {
  if (op.isAlias())
    return success();
  for (OpResult result : op->getResults()) {
    auto tied = op.getTiedOperand(result.getResultNumber());
    if (!tied)
      continue;
    unsigned buffer = buffers.lookup(op->getOperand(*tied));
    Operation *last = buffers.getLastReader(buffer);
    if (!last || buffers.getTime(last) <= buffers.getTime(op))
      continue;
    InFlightDiagnostic diagnostic = op.emitOpError()
                                    << "overwrites a value that is read later";
    diagnostic.attachNote(last->getLoc()) << "the last to read it";
    return diagnostic;
  }
  return success();
}

bool Planner::isInRun(const Buffer &buffer) const {
  return llvm::any_of(buffer.values,
                      [&](Value value) { return inRuns.contains(value); });
}

/// Ties a result to an operand that dies at the op, if there is one.
void Planner::tieResult(PlannedOpInterface op, OpResult result) {
  auto target = targets.find(result);
  for (unsigned operand = 0; operand < op->getNumOperands(); ++operand) {
    if (!op.canTie(result.getResultNumber(), operand))
      continue;
    unsigned buffer = buffers.lookup(op->getOperand(operand));
    const Buffer &candidate = buffers.getAll()[buffer];
    // An argument is overwritten only by its own new value.
    if (candidate.isArgument() &&
        (target == targets.end() ||
         candidate.values.front() != block.getArgument(target->second)))
      continue;
    if (candidate.values.front().getDefiningOp<exec::ConstantOp>() ||
        (!candidate.isArgument() && isInRun(candidate)) ||
        op->getOperand(operand).getDefiningOp<exec::PeerViewOp>())
      continue;
    bool readOnce = llvm::count_if(op->getOperands(), [&](Value other) {
                      return buffers.lookup(other) == buffer;
                    }) == 1;
    if (!readOnce || !isFreeAt(buffer, op))
      continue;
    op.tie(result.getResultNumber(), operand);
    return;
  }
}

/// Whether `value` may be written right into the argument's slot, without a
/// tie: everybody has read the argument by then.
bool Planner::canTakeOver(Value value, unsigned argument) const {
  const Buffer &own = buffers.getAll()[buffers.lookup(value)];
  Operation *producer = own.values.front().getDefiningOp();
  Operation *last =
      buffers.getLastReader(buffers.lookup(block.getArgument(argument)));
  return producer && !isa<exec::ConstantOp>(producer) &&
         (!last || buffers.getTime(last) < buffers.getTime(producer));
}

/// Sees to it that new values of arguments end in the arguments' slots.
LogicalResult Planner::placeUpdates() {
  Operation *terminator = block.getTerminator();
  SmallVector<std::pair<Value, unsigned>> takeOvers;
  bool copied = false;
  for (unsigned index = 0; index < terminator->getNumOperands(); ++index) {
    auto attr = function.getResultAttrOfType<IntegerAttr>(
        index, FabricDialect::kUpdateOfAttr);
    if (!attr)
      continue;
    unsigned argument = attr.getInt();
    Value value = terminator->getOperand(index);
    Value target = block.getArgument(argument);
    if (buffers.lookup(value) == buffers.lookup(target))
      continue;
    if (target.getType() != value.getType())
      return function.emitOpError()
             << "expects result #" << index << " to have the type of argument #"
             << argument << ", found " << value.getType() << " and "
             << target.getType();
    if (canTakeOver(value, argument)) {
      takeOvers.emplace_back(value, argument);
      continue;
    }
    if (buffers.getAll()[buffers.lookup(value)].isArgument())
      return function.emitOpError()
             << "cannot update argument #" << argument
             << " by what another argument was before the step";
    emitRemark(value.getLoc()) << "is copied into argument #" << argument
                               << ", which others read after this is computed";
    OpBuilder builder(terminator);
    terminator->setOperand(
        index, exec::CopyOp::create(builder, value.getLoc(), value.getType(),
                                    value, target, exec::SlotAttr()));
    ++numCopies;
    copied = true;
  }
  if (copied)
    buffers = findBuffers(block);
  for (auto [value, argument] : takeOvers) {
    unsigned own = buffers.lookup(value);
    SmallVector<Value> values = std::move(buffers.get(own).values);
    buffers.get(own).values.clear();
    for (Value other : values)
      buffers.join(other, buffers.lookup(block.getArgument(argument)));
  }
  return success();
}

LogicalResult Planner::decideTies() {
  findTargets();
  for (auto planned : block.getOps<PlannedOpInterface>())
    for (ValueRange run : planned.getRuns())
      inRuns.insert_range(run);
  for (Operation &op : block.without_terminator()) {
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned)
      return op.emitOpError() << "is not an instruction";
    if (failed(checkTies(planned)))
      return failure();
    for (OpResult result : op.getResults())
      if (!planned.getTiedOperand(result.getResultNumber()))
        tieResult(planned, result);
    buffers.addResults(&op);
  }
  return placeUpdates();
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

bool Planner::isNamedResult(const Buffer &buffer) const {
  return llvm::any_of(buffer.values, [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return user == block.getTerminator();
    });
  });
}

/// A collective, or a kernel that makes another element type of its one
/// operand.
static bool passesOn(Operation *op) {
  if (isa<exec::CollectiveOp>(op))
    return true;
  if (op->getNumOperands() != 1 || op->getNumResults() != 1)
    return false;
  auto from = cast<RankedTensorType>(op->getOperand(0).getType());
  auto to = cast<RankedTensorType>(op->getResult(0).getType());
  return from.getShape() == to.getShape() &&
         from.getElementType() != to.getElementType();
}

/// The buffers that hold a gradient, whole or reduced: what updates a parameter
/// and is of its size, or is a result that says so; and from there back through
/// collectives and casts.
DenseSet<unsigned> Planner::findGradients() const {
  SmallVector<Value> worklist;
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands()))
    if (function.getResultAttr(index, FabricDialect::kGradientOfAttr))
      worklist.push_back(value);
  auto isParameter = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(
        buffers.getAll()[buffers.lookup(value)].values.front());
    return argument && function.getArgAttr(argument.getArgNumber(),
                                           FabricDialect::kParamAttr);
  };
  for (Operation &op : block.without_terminator()) {
    auto planned = cast<PlannedOpInterface>(op);
    if (planned.isAlias())
      continue;
    for (OpResult result : op.getResults()) {
      auto tied = planned.getTiedOperand(result.getResultNumber());
      if (!tied || !isParameter(op.getOperand(*tied)))
        continue;
      for (Value operand : op.getOperands())
        if (!buffers.getAll()[buffers.lookup(operand)].isArgument() &&
            cast<RankedTensorType>(operand.getType()).getNumElements() ==
                cast<RankedTensorType>(result.getType()).getNumElements())
          worklist.push_back(operand);
    }
  }
  DenseSet<unsigned> gradients;
  while (!worklist.empty()) {
    unsigned buffer = buffers.lookup(worklist.pop_back_val());
    if (buffers.getAll()[buffer].isArgument() ||
        !gradients.insert(buffer).second)
      continue;
    for (Value value : buffers.getAll()[buffer].values)
      if (Operation *op = value.getDefiningOp(); op && passesOn(op))
        worklist.push_back(op->getOperand(0));
  }
  return gradients;
}

std::pair<ArenaKind, MemoryClass>
Planner::classify(const Buffer &buffer) const {
  Value first = buffer.values.front();
  if (auto argument = dyn_cast<BlockArgument>(first)) {
    unsigned index = argument.getArgNumber();
    if (function.getArgAttr(index, FabricDialect::kParamAttr))
      return {ArenaKind::Parameters, MemoryClass::Parameters};
    if (function.getArgAttr(index, FabricDialect::kStateAttr))
      return {ArenaKind::Optimizer, MemoryClass::Optimizer};
    return {ArenaKind::IO, MemoryClass::Activations};
  }
  Operation *op = first.getDefiningOp();
  if (isa<exec::ConstantOp>(op) || isNamedResult(buffer))
    return {ArenaKind::IO, MemoryClass::Activations};
  if (isa<exec::CollectiveOp>(op))
    return {ArenaKind::Workspace, MemoryClass::Communication};
  return {ArenaKind::Workspace, MemoryClass::Activations};
}

/// Every buffer once: alone, or with those that it is in a run with.
SmallVector<SmallVector<unsigned>> Planner::findPlaced() const {
  DenseMap<unsigned, SmallVector<unsigned>> runs; // By the first.
  DenseSet<unsigned> others;
  for (auto planned : block.getOps<PlannedOpInterface>())
    for (ValueRange run : planned.getRuns()) {
      auto ids = llvm::map_to_vector(
          run, [&](Value value) { return buffers.lookup(value); });
      others.insert(ids.begin() + 1, ids.end());
      runs[ids.front()] = std::move(ids);
    }
  SmallVector<SmallVector<unsigned>> placed;
  for (unsigned id = 0; id < buffers.getAll().size(); ++id) {
    if (buffers.getAll()[id].values.empty() || others.contains(id))
      continue;
    auto run = runs.find(id);
    placed.push_back(run == runs.end() ? SmallVector<unsigned>{id}
                                       : run->second);
  }
  return placed;
}

LogicalResult Planner::assignSlots() {
  DenseSet<unsigned> gradients = findGradients();
  std::array<int64_t, 4> arenaBytes = {0, 0, 0, 0};
  SmallVector<Demand> demands;
  SmallVector<SmallVector<unsigned>> inWorkspace;
  SmallVector<std::pair<ArenaKind, MemoryClass>> kinds;
  SmallVector<int64_t> offsets(buffers.getAll().size(), 0);
  for (auto [id, buffer] : llvm::enumerate(buffers.getAll())) {
    kinds.push_back({ArenaKind::Workspace, MemoryClass::Activations});
    if (buffer.values.empty())
      continue;
    kinds.back() = classify(buffer);
    if (gradients.contains(id))
      kinds.back().second = MemoryClass::Gradients;
  }
  // One after the other; returns where the last one ends.
  auto place = [&](ArrayRef<unsigned> ids, int64_t offset) {
    for (unsigned id : ids) {
      offsets[id] = llvm::alignTo(offset, slotAlignment);
      offset = offsets[id] + buffers.getAll()[id].getNumBytes();
    }
    return offset;
  };
  for (const SmallVector<unsigned> &ids : findPlaced()) {
    ArenaKind arena = kinds[ids.front()].first;
    if (!llvm::all_of(ids,
                      [&](unsigned id) { return kinds[id].first == arena; }))
      return function.emitOpError()
             << "expects values of a run in one arena, found "
             << stringifyArenaKind(arena) << " and others";
    if (arena != ArenaKind::Workspace) {
      int64_t &bytes = arenaBytes[static_cast<size_t>(arena)];
      bytes = llvm::alignTo(place(ids, bytes), slotAlignment);
      continue;
    }
    Demand demand = {std::numeric_limits<int64_t>::max(), 0, place(ids, 0)};
    for (unsigned id : ids) {
      demand.begin = std::min(demand.begin, buffers.getAll()[id].begin);
      demand.end = std::max(demand.end, buffers.getAll()[id].end);
    }
    demands.push_back(demand);
    inWorkspace.push_back(ids);
  }
  OffsetAssignment assignment = assignOffsets(demands);
  for (auto [ids, offset] : llvm::zip_equal(inWorkspace, assignment.offsets))
    (void)place(ids, offset);
  workspaceBytes = assignment.bytes;
  maxLiveBytes = getMaxLiveBytes(demands);
  arenaBytes[static_cast<size_t>(ArenaKind::Workspace)] = workspaceBytes;

  MLIRContext *context = function.getContext();
  dist::InterfaceAttrs attrs(function);
  for (auto [id, buffer] : llvm::enumerate(buffers.getAll()))
    for (Value value : buffer.values) {
      auto slot = exec::SlotAttr::get(context, kinds[id].first, offsets[id],
                                      kinds[id].second);
      if (auto argument = dyn_cast<BlockArgument>(value))
        attrs.setArg(argument.getArgNumber(), exec::ExecDialect::kSlotAttr,
                     slot);
      else
        cast<PlannedOpInterface>(value.getDefiningOp())
            .setSlotOf(cast<OpResult>(value).getResultNumber(), slot);
    }
  attrs.apply();
  SmallVector<Attribute> arenas;
  for (auto [kind, bytes] : llvm::enumerate(arenaBytes))
    arenas.push_back(
        exec::ArenaAttr::get(context, static_cast<ArenaKind>(kind), bytes));
  function->getParentOfType<ModuleOp>()->setAttr(
      exec::ExecDialect::kArenasAttr, ArrayAttr::get(context, arenas));
  return success();
}

namespace {
struct PlanMemoryPass : lowering::impl::PlanMemoryPassBase<PlanMemoryPass> {
  using PlanMemoryPassBase::PlanMemoryPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Planner planner(function);
      if (failed(planner.decideTies()))
        return signalPassFailure();
      if (failed(planner.assignSlots()))
        return signalPassFailure();
      numCopies += planner.numCopies;
      workspaceBytes += planner.workspaceBytes;
      maxLiveBytes += planner.maxLiveBytes;
    }
  }
};
} // namespace
