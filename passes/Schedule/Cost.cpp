//===- Cost.cpp - How long ops take, in bytes sent ------------------------===//

#include "passes/Schedule/Cost.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Analysis/Liveness.h"

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
  auto cost = dyn_cast<fabric::CostOpInterface>(op);
  // Views and constants cost nothing.
  if (!cost || (analysis::getAllocatedBytes(op) == 0 &&
                !isa<fabric::InPlaceOpInterface>(op)))
    return 0;
  return std::max(cost.getFlops() / kFlopsPerByteSent,
                  cost.getBytesTouched() / kBytesTouchedPerByteSent);
}
