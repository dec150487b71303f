//===- CollapseLoops.cpp - The fewest loops for a set of maps -------------===//

#include "passes/Lowering/Kernels/CollapseLoops.h"

using namespace mlir;
using namespace mlir::lowering;

CollapsedLoops::CollapsedLoops(ArrayRef<int64_t> oldSizes,
                               ArrayRef<AffineMap> maps)
    : newLoop(oldSizes.size()) {
  // The loops of each tensor in the order of its dims, without those of size 1.
  SmallVector<SmallVector<unsigned>> walks;
  for (AffineMap map : maps) {
    SmallVector<unsigned> &walk = walks.emplace_back();
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      if (oldSizes[map.getDimPosition(dim)] != 1)
        walk.push_back(map.getDimPosition(dim));
  }
  auto canMerge = [&](unsigned outer, unsigned inner) {
    return llvm::all_of(walks, [&](ArrayRef<unsigned> walk) {
      const unsigned *at = llvm::find(walk, outer);
      if (at == walk.end())
        return !llvm::is_contained(walk, inner);
      return at + 1 != walk.end() && at[1] == inner;
    });
  };
  std::optional<unsigned> last;
  for (auto [loop, size] : llvm::enumerate(oldSizes)) {
    if (size == 1)
      continue;
    if (last && canMerge(*last, loop))
      sizes.back() *= size;
    else
      sizes.push_back(size);
    newLoop[loop] = sizes.size() - 1;
    last = loop;
  }
}

CollapsedLoops::View CollapsedLoops::getView(AffineMap map) const {
  View view;
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t, 2> pending; // Dims of size 1 before the first group.
  std::optional<unsigned> current;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim) {
    std::optional<unsigned> loop = newLoop[map.getDimPosition(dim)];
    if (loop && loop != current) {
      view.groups.push_back(std::move(pending));
      pending.clear();
      exprs.push_back(getAffineDimExpr(*loop, map.getContext()));
      current = loop;
    }
    (view.groups.empty() ? pending : view.groups.back()).push_back(dim);
  }
  view.map = AffineMap::get(sizes.size(), 0, exprs, map.getContext());
  return view;
}
