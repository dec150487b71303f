//===- Padding.h - What a rank holds of a padded tensor ---------*- C++ -*-===//
//
// A tensor whose dims the mesh does not divide is sharded under a larger shape,
// the padded one: the true elements first along each dim, zeros behind them.
// Files, callers and random numbers know only the true elements. A shard is
// therefore filled from, and drained to, the true part of its box:
//
//     shape [5], padded to [6], over 3 ranks
//       rank 0: true part 0:2    rank 1: 2:4    rank 2: 4:5, and a zero
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_PADDING_H
#define FABRIC_RUNTIME_PLAN_PADDING_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/Status.h"

#include <optional>
#include <vector>

namespace fabric::plan {

/// One rank's shard of a tensor that may be padded.
class PaddedShard {
public:
  /// `shape` is the true one; a parameter's is its stored shape.
  PaddedShard(const Mesh &mesh, const Sharding &sharding, const Shape &shape,
              const std::optional<Shape> &paddedShape, int64_t rank);

  /// The true elements of the shard, in the tensor of the true shape; empty
  /// where the rank holds nothing but padding.
  const Box &box() const { return trueBox; }

  /// Fills `shard`, which has elements of `dtype`: `read(box, elements)` is
  /// given box() and a dense place for it, and is not called if there is
  /// nothing to read. What is padding becomes zero. Allocates only where there
  /// is padding.
  template <typename Read>
  Status fill(DType dtype, void *shard, Read read) const {
    if (!isPadded())
      return read(trueBox, shard);
    std::vector<std::byte> dense = makeDense(dtype);
    if (!dense.empty())
      FABRIC_RETURN_IF_ERROR(read(trueBox, static_cast<void *>(dense.data())));
    scatter(dtype, dense, shard);
    return Status::success();
  }

  /// The reverse: `write(box, elements)` is given box() and its elements,
  /// dense.
  template <typename Write>
  Status drain(DType dtype, const void *shard, Write write) const {
    if (!isPadded())
      return write(trueBox, shard);
    std::vector<std::byte> dense = makeDense(dtype);
    if (dense.empty())
      return Status::success();
    gather(dtype, shard, dense);
    return write(trueBox, static_cast<const void *>(dense.data()));
  }

private:
  bool isPadded() const { return trueBox.sizes != localShape; }
  std::vector<std::byte> makeDense(DType dtype) const;
  void scatter(DType dtype, const std::vector<std::byte> &dense,
               void *shard) const;
  void gather(DType dtype, const void *shard,
              std::vector<std::byte> &dense) const;

  Box trueBox;
  Shape localShape; ///< Of the shard.
};

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PADDING_H
