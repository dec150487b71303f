//===- Box.h - A shard's place in a global tensor ---------------*- C++ -*-===//
//
// A box is the part of a dense, row-major global tensor that one rank holds:
// per dim an offset and a size. Everything that reads, writes or draws a shard
// walks its box in contiguous runs, so that no rank ever holds the whole.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_BOX_H
#define FABRIC_RUNTIME_SUPPORT_BOX_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fabric {

/// Offsets and sizes in elements, one of each per dim of the global tensor.
/// A rank-0 tensor has the one box without dims.
struct Box {
  std::vector<int64_t> offsets, sizes;

  /// All of a tensor of shape `shape`.
  static Box whole(std::vector<int64_t> shape);

  int64_t numElements() const;
  bool operator==(const Box &) const = default;
};

/// "[8:16, 0:128]": per dim, first and one past the last index.
std::string toString(const Box &box);

/// "[16, 128]".
std::string toString(const std::vector<int64_t> &shape);

/// Fails unless `box` has the rank of `shape` and lies inside of it.
Status checkBox(const Box &box, const std::vector<int64_t> &shape);

/// The box as a list of equally long runs that are contiguous both in the
/// global tensor and in the shard (row major). Walk it with next().
///
///     BoxRuns runs(shape, box);
///     for (; !runs.done(); runs.next())
///       copy(local + runs.local(), global + runs.global(), runs.length());
class BoxRuns {
public:
  /// `box` must be inside of `shape`: see checkBox.
  BoxRuns(const std::vector<int64_t> &shape, const Box &box);

  bool done() const { return localIndex >= total; }
  void next();
  /// First element of the run in the global tensor, linear and row major.
  int64_t global() const { return globalIndex; }
  /// First element of the run in the shard.
  int64_t local() const { return localIndex; }
  /// Elements of every run.
  int64_t length() const { return runLength; }

private:
  int64_t total = 0, runLength = 0, globalIndex = 0, localIndex = 0;
  /// The dims outside of a run, outermost first.
  std::vector<int64_t> counters, sizes, strides;
};

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_BOX_H
