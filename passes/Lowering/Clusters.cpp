//===- Clusters.cpp - Which structured ops make a kernel ------------------===//
//
// Every structured op starts as a cluster of its own. Then, until nothing
// changes, clusters merge with those that produce what they read, and with
// others that read the same: first between the same two instructions (products,
// collectives), which stay in order, then also across them. That moves a
// cluster past instructions, and is done only if no more bytes are alive there
// for it.
//
// After each of the two, what clusters could compute again from values that
// they read anyway, and what no instruction needs, is computed again: a stored
// and loaded tensor costs more than arithmetic in registers. Where that leaves
// a cluster without the rows that its ops need, clusters are formed once more,
// all without.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Clusters.h"
#include "passes/Lowering/ClusterGraph.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Structure.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

bool Cluster::contains(Operation *op) const {
  return llvm::is_contained(ops, op);
}

bool mlir::lowering::isFree(Operation *op) {
  if (isSplatConstant(op))
    return true;
  auto structured = dyn_cast<StructuredOpInterface>(op);
  if (!structured || op->getNumOperands() != 1)
    return false;
  AffineMap map = structured.getLoopMaps()[0];
  return map.getNumResults() < map.getNumDims() && isMovement(structured);
}

std::optional<Read> mlir::lowering::getRead(const Cluster &cluster,
                                            unsigned member, unsigned index) {
  StructuredOpInterface op = cluster.ops[member];
  DomainDims dims;
  for (unsigned loop : getDimLoops(op, index))
    dims.push_back(cluster.opLoops[member][loop]);
  Value leaf = op->getOperand(index);
  while (Operation *producer = leaf.getDefiningOp()) {
    if (cluster.contains(producer) || !isFree(producer))
      break;
    auto broadcast = dyn_cast<StructuredOpInterface>(producer);
    if (!broadcast)
      return std::nullopt;
    DomainDims loops(broadcast.getLoopIterators().size());
    for (auto [dim, loop] : llvm::enumerate(getDimLoops(broadcast, 1)))
      loops[loop] = dims[dim];
    dims.clear();
    for (unsigned loop : getDimLoops(broadcast, 0))
      dims.push_back(loops[loop]);
    leaf = producer->getOperand(0);
  }
  return Read{leaf, dims};
}

DomainDims mlir::lowering::getResultDims(const Cluster &cluster,
                                         unsigned member, unsigned result) {
  StructuredOpInterface op = cluster.ops[member];
  DomainDims dims;
  for (unsigned loop : getDimLoops(op, op->getNumOperands() + result))
    dims.push_back(cluster.opLoops[member][loop]);
  return dims;
}

/// Clusters by position; none if they are not all kernels in the end.
static std::optional<SmallVector<Cluster>> form(Block &block,
                                                bool mayHaveRows) {
  ClusterGraph graph(block);
  graph.mayHaveRows = mayHaveRows;
  for (bool mayCross : {false, true}) {
    mergeClusters(graph, mayCross);
    recomputeInClusters(graph);
  }
  if (!llvm::all_of(graph.clusters, [&](const Cluster &cluster) {
        return mayBeKernel(graph, cluster, &cluster);
      }))
    return std::nullopt;
  llvm::erase_if(graph.clusters,
                 [](const Cluster &cluster) { return cluster.ops.empty(); });
  llvm::sort(graph.clusters, [&](const Cluster &a, const Cluster &b) {
    return graph.getPosition(a) < graph.getPosition(b);
  });
  return std::move(graph.clusters);
}

SmallVector<Cluster> mlir::lowering::formClusters(Block &block) {
  // What gives a cluster rows may be computed elsewhere in the end, and gone.
  if (auto clusters = form(block, /*mayHaveRows=*/true))
    return std::move(*clusters);
  auto clusters = form(block, /*mayHaveRows=*/false);
  assert(clusters && "clusters without rows are kernels");
  return std::move(*clusters);
}
