//===- RangeMax.h - The last thing that touched a range ---------*- C++ -*-===//
//
// A tree over cells: ranges of them are set to numbers that never fall, and
// asked for the largest. Since a new number is at least all old ones, what is
// below a node that is set needs no change: both take O(log n).
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_RANGEMAX_H
#define FABRIC_RUNTIME_SUPPORT_RANGEMAX_H

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fabric {

class RangeMax {
public:
  /// Cells 0 to `numCells` - 1, all of which hold `lowest`.
  RangeMax(size_t numCells, int64_t lowest)
      : width(std::bit_ceil(std::max<size_t>(numCells, 1))), lowest(lowest),
        nodes(2 * width, {lowest, lowest}) {}

  /// Requires begin <= end <= numCells and a value that is not below any
  /// before.
  void set(size_t begin, size_t end, int64_t value) {
    if (begin < end)
      set(1, 0, width, begin, end, value);
  }
  /// The largest number in [begin, end); the lowest where it is empty.
  int64_t max(size_t begin, size_t end) const {
    return begin < end ? max(1, 0, width, begin, end) : lowest;
  }

private:
  struct Node {
    int64_t largest; ///< Of a cell below.
    int64_t whole;   ///< The last that all cells below were set to.
  };

  void set(size_t node, size_t first, size_t last, size_t begin, size_t end,
           int64_t value) {
    if (end <= first || last <= begin)
      return;
    nodes[node].largest = value;
    if (begin <= first && last <= end) {
      nodes[node].whole = value;
      return;
    }
    size_t middle = (first + last) / 2;
    set(2 * node, first, middle, begin, end, value);
    set(2 * node + 1, middle, last, begin, end, value);
  }

  int64_t max(size_t node, size_t first, size_t last, size_t begin,
              size_t end) const {
    if (end <= first || last <= begin)
      return lowest;
    if (begin <= first && last <= end)
      return nodes[node].largest;
    size_t middle = (first + last) / 2;
    return std::max({nodes[node].whole,
                     max(2 * node, first, middle, begin, end),
                     max(2 * node + 1, middle, last, begin, end)});
  }

  size_t width; ///< Cells, up to a power of two.
  int64_t lowest;
  std::vector<Node> nodes; ///< From 1; the children of n are 2n and 2n + 1.
};

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_RANGEMAX_H
