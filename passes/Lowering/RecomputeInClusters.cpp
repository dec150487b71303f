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
    if (usedAtHome)
      continue;
    size_t member = llvm::find(mine.ops, &op) - mine.ops.begin();
    mine.ops.erase(mine.ops.begin() + member);
    mine.opLoops.erase(mine.opLoops.begin() + member);
    graph.home.erase(&op);
  }
}
