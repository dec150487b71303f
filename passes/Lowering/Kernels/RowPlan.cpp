//===- RowPlan.cpp - How a kernel goes through its rows -------------------===//

#include "passes/Lowering/Kernels/RowPlan.h"

using namespace mlir;
using namespace mlir::lowering;

static constexpr int64_t firstLevelBytes = 32 << 10;

/// Of the values that are kept, on the stack.
static constexpr int64_t maxKeptBytes = 32 << 10;

static int64_t getElementBytes(Value value) {
  return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() / 8;
}

/// The stages but the last, which has results to write, fetch the next rows,
/// while memory would have nothing to do: each a part; or, where stages after
/// the first find the rows in the first-level cache, so that the second has
/// nothing to do either, the last of them all.
std::optional<VectorNest::Prefetch> RowPlan::getPrefetch(unsigned stage) const {
  if (loops.empty() || size <= numRows)
    return std::nullopt;
  if (fitsFirstLevel && stage + 1 != numStages)
    return std::nullopt;
  int64_t shares =
      fitsFirstLevel
          ? 1
          : std::min<int64_t>(numStages, VectorNest::maxAccumulators);
  return VectorNest::Prefetch{loops.back(), numRows, stage % shares, shares};
}

/// As many as lie in `rowBytes`: few, so that results of some are written while
/// the next are fetched. More, eight at least, if totals are read and written
/// for them; of rows that lie across, whole cache lines.
static void chooseNumRows(const KernelLoops &loops, int64_t rowBytes,
                          RowPlan &plan) {
  constexpr int64_t most = 64;
  const KernelDomain &domain = loops.getDomain();
  unsigned loop = plan.loops.back();
  bool hasTotals =
      llvm::any_of(domain.results, [&](const KernelDomain::Result &place) {
        AffineMap map = loops.getMap(place.map);
        return map.getNumResults() != map.getNumDims() &&
               !map.isFunctionOfDim(loop);
      });
  int64_t bytes = 0;
  bool liesAcross = false;
  auto visit = [&](Value value, AffineMap map) {
    AffineMap view = loops.getMap(map);
    if (!view.isFunctionOfDim(loop) || domain.isRowWise(map))
      return;
    int64_t size = getElementBytes(value);
    for (unsigned dim = 0; dim < view.getNumResults(); ++dim)
      if (!llvm::is_contained(plan.loops, view.getDimPosition(dim)))
        size *= loops.getSizes()[view.getDimPosition(dim)];
    bytes += size;
    liesAcross |= view.getDimPosition(view.getNumResults() - 1) == loop;
  };
  for (const ValueAtMap &read : domain.reads)
    visit(read.first, read.second);
  for (auto [value, result] :
       llvm::zip_equal(loops.getResults(), domain.results))
    visit(value, result.map);
  int64_t fewest = hasTotals ? 8 : 1;
  int64_t budget = hasTotals ? 8 * rowBytes : rowBytes;
  plan.numRows = liesAcross ? most
                            : std::clamp(budget / std::max<int64_t>(bytes, 1),
                                         fewest, most);
  plan.fitsFirstLevel = plan.numRows * bytes <= firstLevelBytes;
}

static void chooseKept(const KernelLoops &loops, RowPlan &plan) {
  plan.kept = findKeptValues(loops.getDomain(), loops.getResults());
  int64_t elements = plan.numRows, bytes = 0;
  for (auto [loop, size] : llvm::enumerate(loops.getSizes()))
    if (!llvm::is_contained(plan.loops, loop))
      elements *= size;
  for (const KeptValue &kept : plan.kept)
    bytes += elements * getElementBytes(kept.value);
  if (bytes > maxKeptBytes)
    plan.kept.clear();
}

RowPlan mlir::lowering::planRows(const KernelLoops &loops, int64_t rowBytes) {
  RowPlan plan;
  const KernelDomain &domain = loops.getDomain();
  if (domain.inner.empty() || rowBytes == 0)
    return plan;
  AffineMap map = loops.getMap(domain.inner.front().map);
  for (unsigned loop = 0; loop < loops.getSizes().size(); ++loop)
    if (map.isFunctionOfDim(loop))
      plan.loops.push_back(loop);
  if (plan.loops.empty())
    return plan;
  plan.size = loops.getSizes()[plan.loops.back()];
  plan.numStages = domain.inner.back().stage + 1;
  chooseNumRows(loops, rowBytes, plan);
  chooseKept(loops, plan);
  return plan;
}
