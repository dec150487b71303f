//===- CollapseLoops.h - The fewest loops for a set of maps -----*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_COLLAPSELOOPS_H
#define FABRIC_PASSES_LOWERING_KERNELS_COLLAPSELOOPS_H

#include "mlir/IR/AffineMap.h"
#include "mlir/Support/LLVM.h"

namespace mlir::lowering {

/// Loops of a nest, merged where all tensors walk them as one.
class CollapsedLoops {
public:
  /// `maps` are projected permutations from loops of these sizes to the dims of
  /// dense row-major tensors. Two loops become one where each tensor has either
  /// none of them or both in a row; loops of size 1 go away.
  CollapsedLoops(ArrayRef<int64_t> sizes, ArrayRef<AffineMap> maps);

  ArrayRef<int64_t> getSizes() const { return sizes; }

  /// A tensor under the new loops: its dims grouped into fewer, as
  /// memref.collapse_shape does, and the map from the new loops to those.
  struct View {
    SmallVector<SmallVector<int64_t, 2>> groups;
    AffineMap map;
  };
  View getView(AffineMap map) const;

private:
  /// For each old loop the new one; none for a loop of size 1.
  SmallVector<std::optional<unsigned>> newLoop;
  SmallVector<int64_t> sizes;
};

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_COLLAPSELOOPS_H
