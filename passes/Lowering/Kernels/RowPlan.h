//===- RowPlan.h - How a kernel goes through its rows -----------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_ROWPLAN_H
#define FABRIC_PASSES_LOWERING_KERNELS_ROWPLAN_H

#include "passes/Lowering/Kernels/KeptValues.h"
#include "passes/Lowering/Kernels/KernelLoops.h"
#include "passes/Lowering/Kernels/VectorNest.h"

namespace mlir::lowering {

/// Which rows go through the stages together, what they leave for later stages,
/// and when the next are fetched.
struct RowPlan {
  /// Collapsed ones; none where all rows go together.
  SmallVector<unsigned> loops;
  int64_t numRows = 1; ///< Taken together, of the last of the loops.
  SmallVector<KeptValue> kept;

  /// What the generic of a stage fetches beside.
  std::optional<VectorNest::Prefetch> getPrefetch(unsigned stage) const;

  int64_t size = 0;       ///< Of the last of the loops.
  unsigned numStages = 0; ///< Without the last, which writes results.
  /// What the rows read and write lies in the first-level cache.
  bool fitsFirstLevel = false;
};

/// `rowBytes`: what the rows that go together read and write; 0 for all rows.
RowPlan planRows(const KernelLoops &loops, int64_t rowBytes);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_ROWPLAN_H
