//===- RecomputeInClusters.cpp - Arithmetic instead of memory -------------===//

#include "passes/Lowering/ClusterGraph.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Structure.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// Ops with their loops in the domain of who computes them again.
using Cone = SmallVector<std::pair<StructuredOpInterface, DomainDims>>;

/// The ops that compute `value` from leaves that the cluster reads anyway,
/// at the same place of the domain, with their loops in it.
static bool findCone(const ClusterGraph &graph, const Cluster &cluster,
                     Value value, Cone &cone) {
  constexpr size_t maxOps = 8;
  SmallVector<Read> reads = graph.getReads(cluster);
  SmallVector<Read> worklist;
  for (const Read &read : reads)
    if (read.leaf == value)
      worklist.push_back(read);
  while (!worklist.empty()) {
    Read wanted = worklist.pop_back_val();
    if (wanted.leaf != value && llvm::any_of(reads, [&](const Read &read) {
          return read.leaf == wanted.leaf && read.dims == wanted.dims;
        }))
      continue;
    auto op = wanted.leaf.getDefiningOp<StructuredOpInterface>();
    if (!op || isReduction(op) || op->getNumResults() != 1 ||
        isa<fabric::InPlaceOpInterface>(op.getOperation()) ||
        wanted.dims.size() != cluster.domain.size())
      return false;
    DomainDims loops(wanted.dims.size());
    for (auto [dim, loop] :
         llvm::enumerate(getDimLoops(op, op->getNumOperands())))
      loops[loop] = wanted.dims[dim];
    bool known = false;
    for (auto &[other, otherLoops] : cone) {
      if (other != op)
        continue;
      // Wanted at two places of the domain: not one op of the cluster.
      if (otherLoops != loops)
        return false;
      known = true;
    }
    if (known)
      continue;
    if (cone.size() == maxOps)
      return false;
    cone.emplace_back(op, loops);
    Cluster alone;
    alone.ops = {op};
    alone.opLoops = {loops};
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      if (auto read = getRead(alone, 0, i))
        worklist.push_back(*read);
  }
  return true;
}

/// Whether another op of the cluster, or somebody who cannot compute it, reads
/// what the op makes.
static bool isNeeded(const ClusterGraph &graph, unsigned index,
                     StructuredOpInterface op) {
  const Cluster &cluster = graph.clusters[index];
  bool isHome = !cluster.recomputed.contains(op);
  return llvm::any_of(op->getResults(), [&](Value result) {
    return llvm::any_of(graph.getReaders(result), [&](Operation *reader) {
      if (cluster.contains(reader))
        return true;
      SmallVector<unsigned> holders = graph.getHolders(reader);
      return isHome &&
             (holders.empty() || llvm::any_of(holders, [&](unsigned holder) {
                return !graph.clusters[holder].contains(op);
              }));
    });
  });
}

/// What is computed elsewhere now. It would be dropped from the kernel, and
/// must not be what tells the cluster's loops until then.
static void eraseUnneeded(ClusterGraph &graph, unsigned index) {
  Cluster &cluster = graph.clusters[index];
  for (int64_t member = cluster.ops.size() - 1; member >= 0; --member) {
    StructuredOpInterface op = cluster.ops[member];
    if (isNeeded(graph, index, op))
      continue;
    cluster.ops.erase(cluster.ops.begin() + member);
    cluster.opLoops.erase(cluster.opLoops.begin() + member);
    if (cluster.recomputed.erase(op))
      llvm::erase(graph.copies[op], index);
    else
      graph.home.erase(op);
  }
}

void mlir::lowering::recomputeInClusters(ClusterGraph &graph) {
  for (Operation &op : graph.block) {
    auto owner = graph.getHome(&op);
    if (!owner || op.getNumResults() != 1)
      continue;
    Value value = op.getResult(0);
    llvm::SmallSetVector<unsigned, 4> readers;
    bool onlyClusters = true;
    for (Operation *reader : graph.getReaders(value)) {
      SmallVector<unsigned> holders = graph.getHolders(reader);
      onlyClusters &= !holders.empty();
      for (unsigned holder : holders)
        if (holder != *owner)
          readers.insert(holder);
    }
    if (!onlyClusters || readers.empty())
      continue;
    SmallVector<Cone> cones;
    bool everywhere = llvm::all_of(readers, [&](unsigned reader) {
      return findCone(graph, graph.clusters[reader], value,
                      cones.emplace_back());
    });
    if (!everywhere)
      continue;
    // Its own cluster may not need it then, unless it is what gives that rows.
    Cluster &mine = graph.clusters[*owner];
    bool usedAtHome =
        llvm::any_of(graph.getReaders(value), [&](Operation *reader) {
          return llvm::is_contained(graph.getHolders(reader), *owner);
        });
    std::optional<llvm::SmallBitVector> rows = findRowLoops(mine);
    if (!usedAtHome && (!rows || !rows->empty()))
      continue;
    for (auto [reader, cone] : llvm::zip_equal(readers, cones)) {
      Cluster &cluster = graph.clusters[reader];
      for (auto &[member, loops] : cone) {
        if (cluster.contains(member))
          continue;
        auto at = llvm::find_if(cluster.ops, [&](Operation *other) {
          return graph.isBefore(member, other);
        });
        cluster.opLoops.insert(
            cluster.opLoops.begin() + (at - cluster.ops.begin()), loops);
        cluster.ops.insert(at, member);
        cluster.recomputed.insert(member);
        graph.copies[member].push_back(reader);
      }
    }
  }
  for (unsigned index = 0; index < graph.clusters.size(); ++index)
    eraseUnneeded(graph, index);
}
