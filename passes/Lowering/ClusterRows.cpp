//===- ClusterRows.cpp - What one kernel can hold -------------------------===//
//
// A cluster that reads what it reduces has rows, as KernelDomain.h says: a
// kernel takes a row through its stages while it is in the cache. That pays
// where a row lies in one piece, and needs totals on the stack for what is
// summed over rows.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/ClusterGraph.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Structure.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// Of sums over rows, in f64; what a second-level cache holds beside the rows.
static constexpr int64_t maxTotalBytes = 128 << 10;

static llvm::SmallBitVector getSet(const Cluster &cluster,
                                   ArrayRef<unsigned> loops) {
  llvm::SmallBitVector set(cluster.domain.size());
  for (unsigned loop : loops)
    set.set(loop);
  return set;
}

std::optional<llvm::SmallBitVector>
mlir::lowering::findRowLoops(const Cluster &cluster) {
  DenseMap<Operation *, unsigned> reductions;
  for (auto [member, op] : llvm::enumerate(cluster.ops))
    if (isReduction(op))
      reductions[op] = member;
  llvm::SmallBitVector rows;
  if (reductions.empty())
    return rows;
  for (auto [member, op] : llvm::enumerate(cluster.ops))
    for (unsigned index = 0; index < op->getNumOperands(); ++index) {
      std::optional<Read> read = getRead(cluster, member, index);
      auto it =
          read ? reductions.find(read->leaf.getDefiningOp()) : reductions.end();
      if (it == reductions.end())
        continue;
      DomainDims kept = getResultDims(
          cluster, it->second, cast<OpResult>(read->leaf).getResultNumber());
      llvm::SmallBitVector set = getSet(cluster, kept);
      if (kept != read->dims ||
          cluster.opLoops[it->second].size() != cluster.domain.size() ||
          (!rows.empty() && rows != set))
        return std::nullopt;
      rows = std::move(set);
    }
  return rows;
}

/// Whether what is read over the whole domain has each row in one piece.
static bool areRowsContiguous(const ClusterGraph &graph, const Cluster &cluster,
                              const llvm::SmallBitVector &rows) {
  return llvm::all_of(graph.getReads(cluster), [&](const Read &read) {
    return read.dims.size() != cluster.domain.size() ||
           llvm::all_of(ArrayRef(read.dims).take_front(rows.count()),
                        [&](unsigned dim) { return rows.test(dim); });
  });
}

static int64_t getTotalBytes(const Cluster &cluster,
                             const llvm::SmallBitVector &rows) {
  int64_t bytes = 0;
  for (auto [member, op] : llvm::enumerate(cluster.ops)) {
    if (!isReduction(op))
      continue;
    DomainDims kept = getResultDims(cluster, member, 0);
    if (llvm::all_of(rows.set_bits(), [&](unsigned loop) {
          return llvm::is_contained(kept, loop);
        }))
      continue;
    int64_t elements = 1;
    for (unsigned loop : kept)
      elements *= cluster.domain[loop];
    bytes += elements * static_cast<int64_t>(sizeof(double));
  }
  return bytes;
}

/// Whether an op of fewer loops may be computed in the body, again for every
/// iteration of the others.
static bool mayRunInside(const ClusterGraph &graph, StructuredOpInterface op,
                         const Cluster &cluster,
                         ArrayRef<const Cluster *> parts) {
  SmallVector<int64_t> sizes = getLoopSizes(op);
  int64_t elements = 1;
  for (int64_t size : sizes)
    elements *= size;
  auto cost = dyn_cast<fabric::CostOpInterface>(op.getOperation());
  bool isCheap = sizes.empty() || (cost && cost.getFlops() <= elements);
  if (!isCheap || isReduction(op) ||
      isa<fabric::InPlaceOpInterface>(op.getOperation()))
    return false;
  // Of what is computed again, others have a result.
  if (cluster.recomputed.contains(op))
    return true;
  return llvm::all_of(op->getResults(), [&](Value result) {
    return llvm::all_of(graph.getReaders(result), [&](Operation *reader) {
      return graph.isOnlyIn(reader, parts);
    });
  });
}

bool mlir::lowering::mayBeKernel(const ClusterGraph &graph,
                                 const Cluster &cluster,
                                 ArrayRef<const Cluster *> parts) {
  std::optional<llvm::SmallBitVector> rows = findRowLoops(cluster);
  if (!rows || (!rows->empty() && !graph.mayHaveRows))
    return false;
  for (auto [op, opLoops] : llvm::zip_equal(cluster.ops, cluster.opLoops)) {
    if (opLoops.size() == cluster.domain.size())
      continue;
    bool isOfRows = !rows->empty() && getSet(cluster, opLoops) == *rows &&
                    !isReduction(op) && !isa<fabric::InPlaceOpInterface>(*op);
    if (!isOfRows && !mayRunInside(graph, op, cluster, parts))
      return false;
  }
  return rows->empty() ||
         (rows->any() && areRowsContiguous(graph, cluster, *rows) &&
          getTotalBytes(cluster, *rows) <= maxTotalBytes);
}
