//===- JoinPeerReads.cpp - One barrier for several updates ----------------===//
//
// The program is walked once. An instruction that reads peers and that only the
// end of the function waits for is held; the held ones are put down again, in
// their order, before the first instruction that may not come before them,
// before one that would make them keep too much alive, or at the end.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Buffers.h"
#include "passes/Lowering/Passes.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using exec::PeerViewOp;
using exec::PlannedOpInterface;

namespace mlir::lowering {
#define GEN_PASS_DEF_JOINPEERREADSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

class Joiner {
public:
  Joiner(func::FuncOp function, int64_t joinBytes)
      : joinBytes(joinBytes), block(function.getBody().front()),
        buffers(findBuffers(block)),
        updates(findUntiedUpdates(function, buffers)) {}

  void run();

  int64_t numJoined = 0;

private:
  std::optional<int64_t> getBytesToHold(Operation *op) const;
  SmallVector<unsigned> getReads(Operation *op) const;
  bool mayComeFirst(Operation *op) const;
  void hold(Operation *op, int64_t bytes);
  void putDown(Operation *before);

  const int64_t joinBytes;
  Block &block;
  Buffers buffers;
  UntiedUpdates updates;

  SmallVector<Operation *> held;
  int64_t heldBytes = 0;
  DenseSet<unsigned> heldReads, heldWrites;
};

} // namespace

/// Bytes of the peers' values that the op reads, which stay until it runs;
/// nothing if it reads none, or may not wait.
std::optional<int64_t> Joiner::getBytesToHold(Operation *op) const {
  if (!llvm::all_of(op->getUsers(), [](Operation *user) {
        return user->hasTrait<OpTrait::IsTerminator>();
      }))
    return std::nullopt;
  llvm::SmallDenseSet<unsigned> shared;
  int64_t bytes = 0;
  for (Value operand : op->getOperands()) {
    auto view = operand.getDefiningOp<PeerViewOp>();
    if (!view)
      continue;
    unsigned id = buffers.lookup(view.getOperand());
    const Buffer &buffer = buffers.getAll()[id];
    if (buffer.isArgument())
      return std::nullopt;
    if (shared.insert(id).second)
      bytes += buffer.getNumBytes();
  }
  if (shared.empty())
    return std::nullopt;
  return bytes;
}

/// A view of a peer's buffer is in the own one: who writes that writes what
/// peers read.
SmallVector<unsigned> Joiner::getReads(Operation *op) const {
  return llvm::map_to_vector(op->getOperands(), [&](Value operand) {
    return buffers.lookup(operand);
  });
}

/// Whether the op and those that are held do not touch each other's buffers.
bool Joiner::mayComeFirst(Operation *op) const {
  for (unsigned written : getWrites(op, buffers, updates))
    if (heldReads.contains(written) || heldWrites.contains(written))
      return false;
  return llvm::none_of(
      getReads(op), [&](unsigned read) { return heldWrites.contains(read); });
}

void Joiner::hold(Operation *op, int64_t bytes) {
  held.push_back(op);
  heldBytes += bytes;
  heldReads.insert_range(getReads(op));
  heldWrites.insert_range(getWrites(op, buffers, updates));
}

void Joiner::putDown(Operation *before) {
  if (held.size() > 1)
    numJoined += held.size();
  for (Operation *op : held)
    op->moveBefore(before);
  held.clear();
  heldBytes = 0;
  heldReads.clear();
  heldWrites.clear();
}

void Joiner::run() {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    // A view of what is held is read where the view's user stands.
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned || planned.isAlias())
      continue;
    std::optional<int64_t> bytes = getBytesToHold(&op);
    if (!mayComeFirst(&op) || (bytes && heldBytes + *bytes > joinBytes))
      putDown(&op);
    if (bytes && *bytes <= joinBytes)
      hold(&op, *bytes);
  }
  putDown(block.getTerminator());
}

namespace {
struct JoinPeerReadsPass
    : lowering::impl::JoinPeerReadsPassBase<JoinPeerReadsPass> {
  using JoinPeerReadsPassBase::JoinPeerReadsPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Joiner joiner(function, joinBytes);
      joiner.run();
      numJoined += joiner.numJoined;
    }
  }
};
} // namespace
