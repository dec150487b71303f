//===- GpuNest.h - How a linalg op becomes a grid of threads ----*- C++ -*-===//
//
// What is decided before code is written: which threads take which iterations.
//
// The loops fall into kept ones, which every sum has an element for, and summed
// ones; without sums all are kept. Each group is one index. A thread has one
// kept index, and shares the summed ones with the `summedThreads` threads that
// have the same; where these are very many, with those of `segments` blocks.
//
//   rows                                columns
//   sums over the loop in memory        sums along it
//   order: neighbours are summed        neighbours are kept
//
// The loop in memory order is counted in vectors of `lanes` elements. Sums of a
// block are parts where there are others; a launch of its own adds them.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUNEST_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUNEST_H

#include "passes/Lowering/Kernels/VectorNest.h"

namespace mlir::lowering {

struct GpuNest {
  static constexpr int64_t warpSize = 32;
  static constexpr int64_t threadsOfBlock = 256;

  /// Loops as one index, the last one fastest; the inner loop in vectors.
  struct Space {
    SmallVector<unsigned> loops;
    SmallVector<int64_t> sizes;
    int64_t getSize() const;
  };

  /// Squares of two loops, whose operands lie along one or the other.
  struct Tile {
    unsigned across = 0;        ///< The loop that is not the inner one.
    int64_t width = 0;          ///< Elements along each.
    SmallVector<bool> isAcross; ///< For each operand.
  };

  VectorNest nest;
  /// The loop that vectors lie along; none where there are no loops.
  std::optional<unsigned> inner;
  int64_t lanes = 1;
  /// Elements of the inner loop, then the only one, behind the last vector.
  int64_t tail = 0;
  /// For each operand, whether it is read or written, and whether its vectors
  /// are moved as such.
  SmallVector<bool> isUsed, isVector;

  /// Without sums: whether a block takes a square. `kept` is then the others.
  std::optional<Tile> tile;

  Space kept, summed;
  bool isInnerSummed = false;
  /// Threads of a block with different kept indices, and with the same one.
  int64_t keptThreads = 1, summedThreads = 1;
  /// Parts that the summed index is cut into, and the length of each.
  int64_t segments = 1, segmentLength = 1;
  /// Vectors of a thread that are loaded together.
  int64_t steps = 1;

  int64_t getNumThreads() const { return keptThreads * summedThreads; }
  /// Blocks that share the kept index.
  int64_t getNumKeptBlocks() const;
  int64_t getNumBlocks() const { return getNumKeptBlocks() * segments; }

  /// Whether the sum is over all loops.
  bool isTotal(const VectorNest::Sum &sum) const;
  /// Elements of the sum's output.
  int64_t getNumOutputs(const VectorNest::Sum &sum) const;
  /// Of each element, how many blocks have a part.
  int64_t getNumParts(const VectorNest::Sum &sum) const;
};

/// What is known of how a buffer is aligned, in bytes.
using GetAlignment = function_ref<int64_t(Value buffer)>;

/// Fails with a diagnostic where the op is not one that kernels are made of.
FailureOr<GpuNest> planGpuNest(linalg::LinalgOp op, GetAlignment getAlignment);

/// The nest that joins the parts of a sum of `whole`. Its operands are the
/// parts, f64 numbers of each block one after the other, and the sum's output;
/// so are the arguments of `body`, which has no ops.
GpuNest planPartsNest(const GpuNest &whole, const VectorNest::Sum &sum,
                      Block *body);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUNEST_H
