//===- Buffers.cpp - Which values share memory, and when it is needed -----===//

#include "passes/Lowering/Buffers.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::lowering;

Buffers::Buffers(Block &block) {
  for (Operation &op : block)
    times[&op] = times.size();
  for (Value argument : block.getArguments()) {
    add(argument);
    buffers.back().begin = 0;
    buffers.back().end = times.size();
  }
}

void Buffers::add(Value value) {
  Operation *op = value.getDefiningOp();
  int64_t time = op ? times.at(op) : 0;
  ids[value] = buffers.size();
  buffers.push_back({{}, time, time});
  join(value, buffers.size() - 1);
}

void Buffers::join(Value value, unsigned buffer) {
  ids[value] = buffer;
  buffers[buffer].values.push_back(value);
  for (Operation *user : value.getUsers())
    buffers[buffer].end = std::max(buffers[buffer].end, times.at(user));
}

/// The first op that reads the value or a view of it; else the terminator.
static Operation *findFirstReader(Value value) {
  Operation *first = value.getParentBlock()->getTerminator();
  SmallVector<Value> names = {value};
  while (!names.empty())
    for (Operation *user : names.pop_back_val().getUsers()) {
      auto planned = dyn_cast<exec::PlannedOpInterface>(user);
      if (planned && planned.isAlias())
        llvm::append_range(names, user->getResults());
      else if (user->isBeforeInBlock(first))
        first = user;
    }
  return first;
}

void Buffers::addResults(Operation *op) {
  auto planned = dyn_cast<exec::PlannedOpInterface>(op);
  if (planned && planned.getStream())
    for (Value operand : op->getOperands()) {
      Buffer &buffer = buffers[lookup(operand)];
      buffer.readUntil = std::max(buffer.readUntil,
                                  times.at(findFirstReader(op->getResult(0))));
      buffer.end = std::max(buffer.end, buffer.readUntil);
    }
  for (OpResult result : op->getResults()) {
    auto tied = planned ? planned.getTiedOperand(result.getResultNumber())
                        : std::nullopt;
    if (tied)
      join(result, lookup(op->getOperand(*tied)));
    else
      add(result);
  }
}

Operation *Buffers::getLastReader(unsigned buffer) const {
  Operation *last = nullptr;
  for (Value value : buffers[buffer].values)
    for (Operation *user : value.getUsers())
      if (!last || times.at(last) < times.at(user))
        last = user;
  return last;
}

Buffers mlir::lowering::findBuffers(Block &block) {
  Buffers buffers(block);
  for (Operation &op : block)
    buffers.addResults(&op);
  return buffers;
}

UntiedUpdates mlir::lowering::findUntiedUpdates(func::FuncOp function,
                                                const Buffers &buffers) {
  UntiedUpdates updates;
  Operation *end = function.getBody().front().getTerminator();
  for (auto [index, value] : llvm::enumerate(end->getOperands())) {
    auto argument = function.getResultAttrOfType<IntegerAttr>(
        index, fabric::FabricDialect::kUpdateOfAttr);
    if (!argument)
      continue;
    const Buffer &buffer = buffers.getAll()[buffers.lookup(value)];
    if (Operation *op = buffer.values.front().getDefiningOp())
      updates[op].push_back(
          buffers.lookup(function.getArgument(argument.getInt())));
  }
  return updates;
}

SmallVector<unsigned, 4>
mlir::lowering::getWrites(Operation *op, const Buffers &buffers,
                          const UntiedUpdates &updates) {
  SmallVector<unsigned, 4> writes(updates.lookup(op));
  for (Value result : op->getResults())
    writes.push_back(buffers.lookup(result));
  return writes;
}
