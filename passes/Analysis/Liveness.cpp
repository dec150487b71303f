//===- Liveness.cpp - Which buffers are alive where -----------------------===//

#include "passes/Analysis/Liveness.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::analysis;

Value mlir::analysis::getVersion(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

Value mlir::analysis::getBuffer(Value value) {
  value = getVersion(value);
  while (auto update = value.getDefiningOp<fabric::InPlaceOpInterface>()) {
    unsigned operand =
        update.getUpdatedOperand(cast<OpResult>(value).getResultNumber());
    value = getVersion(update->getOperand(operand));
  }
  return value;
}

SmallVector<Operation *> mlir::analysis::getReaders(Value version) {
  llvm::SetVector<Operation *> readers;
  SmallVector<Value> aliases = {version};
  while (!aliases.empty())
    for (Operation *user : aliases.pop_back_val().getUsers()) {
      if (auto view = dyn_cast<ViewLikeOpInterface>(user))
        aliases.push_back(view.getViewDest());
      else
        readers.insert(user);
    }
  return readers.takeVector();
}

SmallVector<Value> mlir::analysis::getUpdatedVersions(Operation *op) {
  SmallVector<Value> versions;
  if (auto update = dyn_cast<fabric::InPlaceOpInterface>(op))
    for (unsigned result = 0; result < op->getNumResults(); ++result)
      versions.push_back(
          getVersion(op->getOperand(update.getUpdatedOperand(result))));
  return versions;
}

bool mlir::analysis::isAsync(Operation *op) {
  return op->hasAttr(dist::DistDialect::kAsyncAttr);
}

Operation *mlir::analysis::getFirstReader(Operation *op) {
  Operation *first = op->getBlock()->getTerminator();
  for (Value result : op->getResults())
    for (Operation *reader : getReaders(result))
      if (reader->isBeforeInBlock(first))
        first = reader;
  return first;
}

static int64_t getBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? fabric::getNumBytes(type) : 0;
}

int64_t mlir::analysis::getAllocatedBytes(Operation *op) {
  if (isa<ViewLikeOpInterface, fabric::InPlaceOpInterface>(op) ||
      op->hasTrait<OpTrait::ConstantLike>())
    return 0;
  int64_t bytes = 0;
  for (Value result : op->getResults())
    bytes += getBytes(result);
  return bytes;
}

BlockLiveness::BlockLiveness(Block &block) {
  int64_t count = 0;
  for (Operation &op : block)
    positions[&op] = count++;
  DenseMap<Value, size_t> bufferOf;
  auto start = [&](Value value, int64_t bytes, int64_t begin, int64_t end) {
    bufferOf[value] = buffers.size();
    buffers.push_back({value, bytes, begin, end});
  };
  for (Value argument : block.getArguments())
    start(argument, getBytes(argument), 0, count - 1);
  for (Operation &op : block) {
    int64_t position = positions[&op];
    int64_t done = isAsync(&op) ? positions[getFirstReader(&op)] : position;
    for (Value operand : op.getOperands()) {
      auto it = bufferOf.find(getBuffer(operand));
      if (it != bufferOf.end())
        buffers[it->second].end = std::max(buffers[it->second].end, done);
    }
    if (getAllocatedBytes(&op) > 0)
      for (Value result : op.getResults())
        start(result, getBytes(result), position, position);
  }

  // Sums of what begins and ends.
  SmallVector<int64_t> change(count + 1, 0);
  for (const LiveBuffer &buffer : buffers) {
    change[buffer.begin] += buffer.bytes;
    change[buffer.end + 1] -= buffer.bytes;
  }
  int64_t bytes = 0;
  for (int64_t position = 0; position < count; ++position)
    bytesAt.push_back(bytes += change[position]);
}

int64_t BlockLiveness::getPeakBytes() const {
  return bytesAt.empty() ? 0 : bytesAt[getPeakPosition()];
}

int64_t BlockLiveness::getPeakPosition() const {
  return llvm::max_element(bytesAt) - bytesAt.begin();
}
