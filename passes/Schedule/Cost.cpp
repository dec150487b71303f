//===- Cost.cpp - How long ops take, and what libraries need --------------===//

#include "passes/Schedule/Cost.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Analysis/Liveness.h"
#include "runtime/Plan/Scratch.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

// Of a GPU with 50 TFLOP/s in f32, 1.6 TB/s to its memory and 200 GB/s to its
// neighbours; what is faster or slower is so in all three, about.
static constexpr int64_t kFlopsPerByteSent = 256;
static constexpr int64_t kBytesTouchedPerByteSent = 8;

int64_t mlir::schedule::getBytesSent(Operation *op) {
  auto collective = dyn_cast<dist::CollectiveOpInterface>(op);
  if (!collective)
    return 0;
  return collective.getBytesSent(
      collective.getCollectiveAxes().getNumParts(dist::getMesh(op)));
}

int64_t mlir::schedule::getWork(Operation *op) {
  auto cost = dyn_cast<mlir::fabric::CostOpInterface>(op);
  // Views and constants cost nothing.
  if (!cost || (analysis::getAllocatedBytes(op) == 0 &&
                !isa<mlir::fabric::InPlaceOpInterface>(op)))
    return 0;
  return std::max(cost.getFlops() / kFlopsPerByteSent,
                  cost.getBytesTouched() / kBytesTouchedPerByteSent);
}

/// Whether every rank's piece is received where it belongs.
static bool isDenseGather(Operation *op) {
  auto gather = dyn_cast<dist::AllGatherOp>(op);
  if (!gather)
    return false;
  auto shape = cast<RankedTensorType>(gather.getResult().getType()).getShape();
  return llvm::all_of(shape.take_front(gather.getDim()),
                      [](int64_t size) { return size == 1; });
}

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// As plan::scratchOf() finds it of instructions.
static int64_t getScratchBytes(Operation *op) {
  auto cost = dyn_cast<mlir::fabric::CostOpInterface>(op);
  if (cost && cost.getContractionFlops() > 0)
    return ::fabric::plan::productScratchBytes;
  if (schedule::getBytesSent(op) == 0 || isDenseGather(op))
    return 0;
  auto collective = cast<dist::CollectiveOpInterface>(op);
  int64_t bytes =
      std::max(mlir::fabric::getNumBytes(tensorType(op->getOperand(0))),
               mlir::fabric::getNumBytes(tensorType(op->getResult(0))));
  return ::fabric::plan::collectiveScratch(
      bytes, collective.getCollectiveAxes().getNumParts(dist::getMesh(op)));
}

int64_t mlir::schedule::getScratchBytes(Block &block) {
  llvm::DenseMap<Attribute, int64_t> bytesOf; // By stream; null: the block's.
  for (Operation &op : block) {
    Attribute stream;
    if (analysis::isAsync(&op))
      stream = cast<dist::CollectiveOpInterface>(op).getCollectiveAxes();
    int64_t &bytes = bytesOf[stream];
    bytes = std::max(bytes, ::getScratchBytes(&op));
  }
  int64_t sum = 0;
  for (auto [stream, bytes] : bytesOf)
    sum += bytes;
  return sum;
}
