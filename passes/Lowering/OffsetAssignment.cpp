//===- OffsetAssignment.cpp - Where buffers lie in an arena ---------------===//

#include "passes/Lowering/OffsetAssignment.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;
using namespace mlir::lowering;

static int64_t getSlotBytes(const Demand &demand) {
  return llvm::alignTo(demand.bytes, slotAlignment);
}

/// Places demands in the given order, each into the smallest gap that holds it
/// between those that it meets in time, or above them.
static OffsetAssignment placeInOrder(ArrayRef<Demand> demands,
                                     ArrayRef<size_t> order) {
  OffsetAssignment result;
  result.offsets.resize(demands.size(), 0);
  // Sorted by offset.
  std::multimap<int64_t, size_t> placed;
  for (size_t index : order) {
    const Demand &demand = demands[index];
    int64_t bytes = getSlotBytes(demand);
    if (bytes == 0)
      continue;
    int64_t top = 0, best = -1, bestGap = 0;
    for (auto [offset, other] : placed) {
      const Demand &neighbour = demands[other];
      if (neighbour.end < demand.begin || demand.end < neighbour.begin)
        continue;
      int64_t gap = offset - top;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = top;
        bestGap = gap;
      }
      top = std::max(top, offset + getSlotBytes(neighbour));
    }
    int64_t offset = best < 0 ? top : best;
    result.offsets[index] = offset;
    result.bytes = std::max(result.bytes, offset + bytes);
    placed.emplace(offset, index);
  }
  return result;
}

OffsetAssignment mlir::lowering::assignOffsets(ArrayRef<Demand> demands) {
  auto byTime = llvm::to_vector(llvm::seq<size_t>(0, demands.size()));
  llvm::sort(byTime, [&](size_t a, size_t b) {
    return std::pair(demands[a].begin, a) < std::pair(demands[b].begin, b);
  });
  SmallVector<size_t> bySize(byTime);
  llvm::sort(bySize, [&](size_t a, size_t b) {
    return std::tuple(-demands[a].bytes, demands[a].begin, a) <
           std::tuple(-demands[b].bytes, demands[b].begin, b);
  });
  OffsetAssignment first = placeInOrder(demands, bySize);
  if (first.bytes == getMaxLiveBytes(demands))
    return first;
  OffsetAssignment second = placeInOrder(demands, byTime);
  return second.bytes < first.bytes ? second : first;
}

int64_t mlir::lowering::getMaxLiveBytes(ArrayRef<Demand> demands) {
  // What is needed until `end` is still there then.
  std::map<int64_t, int64_t> changes;
  for (const Demand &demand : demands) {
    changes[demand.begin] += getSlotBytes(demand);
    changes[demand.end + 1] -= getSlotBytes(demand);
  }
  int64_t live = 0, most = 0;
  for (auto [time, change] : changes) {
    live += change;
    most = std::max(most, live);
  }
  return most;
}
