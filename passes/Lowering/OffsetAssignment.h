//===- OffsetAssignment.h - Where buffers lie in an arena -------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_OFFSETASSIGNMENT_H
#define FABRIC_PASSES_LOWERING_OFFSETASSIGNMENT_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::lowering {

/// Every offset is a multiple of this: a cache line, and a vector register.
inline constexpr int64_t slotAlignment = 64;

/// Memory that is needed from instruction `begin` to instruction `end`, both
/// included.
struct Demand {
  int64_t begin = 0, end = 0;
  int64_t bytes = 0;
};

struct OffsetAssignment {
  SmallVector<int64_t> offsets; ///< One a demand.
  int64_t bytes = 0;            ///< The size of the arena.
};

/// Offsets such that demands that meet in time do not overlap. Finding the
/// smallest arena is NP-hard; this takes the best of two greedy orders: first
/// needed first, and largest first, each into the tightest gap.
OffsetAssignment assignOffsets(ArrayRef<Demand> demands);

/// What no assignment can go below: the most bytes that are needed at once.
int64_t getMaxLiveBytes(ArrayRef<Demand> demands);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_OFFSETASSIGNMENT_H
