//===- OffsetAssignment.cpp - Where buffers lie in an arena ---------------===//

#include "passes/Lowering/OffsetAssignment.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

using namespace mlir;
using namespace mlir::lowering;

static int64_t getSlotBytes(const Demand &demand) {
  return llvm::alignTo(demand.bytes, slotAlignment);
}

namespace {
/// The memory below the highest live byte that is free now, by place and by
/// size.
class FreeRanges {
public:
  /// The tightest range that holds `bytes`, the lowest of equals; above all
  /// that is live where there is none.
  int64_t take(int64_t bytes) {
    auto fit = bySize.lower_bound({bytes, 0});
    if (fit == bySize.end())
      return std::exchange(top, top + bytes);
    auto [size, begin] = *fit;
    remove(begin);
    if (size > bytes)
      add(begin + bytes, begin + size);
    return begin;
  }

  void release(int64_t begin, int64_t end) {
    auto above = byPlace.lower_bound(begin);
    if (above != byPlace.end() && above->first == end) {
      end = above->second;
      remove(above->first);
    }
    auto below = byPlace.lower_bound(begin);
    if (below != byPlace.begin() && std::prev(below)->second == begin) {
      begin = std::prev(below)->first;
      remove(begin);
    }
    if (end == top)
      top = begin;
    else
      add(begin, end);
  }

private:
  void add(int64_t begin, int64_t end) {
    byPlace.emplace(begin, end);
    bySize.emplace(end - begin, begin);
  }
  void remove(int64_t begin) {
    auto range = byPlace.find(begin);
    bySize.erase({range->second - begin, begin});
    byPlace.erase(range);
  }

  std::map<int64_t, int64_t> byPlace; ///< Begin to end.
  std::set<std::pair<int64_t, int64_t>> bySize;
  int64_t top = 0;
};
} // namespace

/// First needed first: what is live is known as time passes, so that no two
/// demands have to be compared.
static OffsetAssignment placeByTime(ArrayRef<Demand> demands) {
  auto order = llvm::to_vector(llvm::seq<size_t>(0, demands.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(demands[a].begin, a) < std::pair(demands[b].begin, b);
  });
  OffsetAssignment result;
  result.offsets.resize(demands.size(), 0);
  FreeRanges free;
  std::set<std::pair<int64_t, size_t>> live; // By the end of their time.
  for (size_t index : order) {
    int64_t bytes = getSlotBytes(demands[index]);
    if (bytes == 0)
      continue;
    while (!live.empty() && live.begin()->first < demands[index].begin) {
      size_t done = live.begin()->second;
      live.erase(live.begin());
      int64_t offset = result.offsets[done];
      free.release(offset, offset + getSlotBytes(demands[done]));
    }
    int64_t offset = free.take(bytes);
    result.offsets[index] = offset;
    result.bytes = std::max(result.bytes, offset + bytes);
    live.emplace(demands[index].end, index);
  }
  return result;
}

/// Largest first, each into the smallest gap that holds it between those that
/// it meets in time, or above them.
static OffsetAssignment placeBySize(ArrayRef<Demand> demands) {
  auto order = llvm::to_vector(llvm::seq<size_t>(0, demands.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tuple(-demands[a].bytes, demands[a].begin, a) <
           std::tuple(-demands[b].bytes, demands[b].begin, b);
  });
  OffsetAssignment result;
  result.offsets.resize(demands.size(), 0);
  struct Placed {
    int64_t offset, top, begin, end;
  };
  std::vector<Placed> placed; // Sorted by offset.
  for (size_t index : order) {
    const Demand &demand = demands[index];
    int64_t bytes = getSlotBytes(demand);
    if (bytes == 0)
      continue;
    int64_t top = 0, best = -1, bestGap = 0;
    for (const Placed &neighbour : placed) {
      if (neighbour.end < demand.begin || demand.end < neighbour.begin)
        continue;
      int64_t gap = neighbour.offset - top;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = top;
        bestGap = gap;
        if (gap == bytes)
          break;
      }
      top = std::max(top, neighbour.top);
    }
    int64_t offset = best < 0 ? top : best;
    result.offsets[index] = offset;
    result.bytes = std::max(result.bytes, offset + bytes);
    auto place = llvm::upper_bound(placed, offset,
                                   [](int64_t value, const Placed &other) {
                                     return value < other.offset;
                                   });
    placed.insert(place, {offset, offset + bytes, demand.begin, demand.end});
  }
  return result;
}

OffsetAssignment mlir::lowering::assignOffsets(ArrayRef<Demand> demands) {
  // In this order, for the second compares every demand with all before it.
  OffsetAssignment byTime = placeByTime(demands);
  if (byTime.bytes == getMaxLiveBytes(demands))
    return byTime;
  OffsetAssignment bySize = placeBySize(demands);
  return byTime.bytes <= bySize.bytes ? byTime : bySize;
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
