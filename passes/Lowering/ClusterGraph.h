//===- ClusterGraph.h - A block as a graph of clusters ----------*- C++ -*-===//
//
// Who reads, gives and updates what, where clusters run, and what that forbids.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_CLUSTERGRAPH_H
#define FABRIC_PASSES_LOWERING_CLUSTERGRAPH_H

#include "passes/Lowering/Clusters.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::lowering {

class ClusterGraph {
public:
  /// Every structured op of the block as a cluster of its own.
  explicit ClusterGraph(Block &block);

  Block &block;
  bool mayHaveRows = true; ///< Whether a cluster may read what it reduces.
  SmallVector<Cluster> clusters; ///< Without ops where merged away.
  /// The cluster that an op belongs to and gets its position from.
  DenseMap<Operation *, unsigned> home;
  /// The clusters that compute the op again. They read what it reads, too.
  DenseMap<Operation *, SmallVector<unsigned, 2>> copies;

  /// The index of a cluster; none for an instruction of another kind.
  std::optional<unsigned> getHome(Operation *op) const;
  /// All clusters that compute an op; none for an instruction of another kind.
  SmallVector<unsigned> getHolders(Operation *op) const;
  /// Whether no cluster but these computes the op, and one does.
  bool isOnlyIn(Operation *op, ArrayRef<const Cluster *> those) const;
  /// Where an op runs, as its cluster does.
  int64_t getPosition(Operation *op) const;
  int64_t getPosition(const Cluster &cluster) const {
    return order.lookup(cluster.position);
  }
  /// Whether `a` stands before `b` in the block.
  bool isBefore(Operation *a, Operation *b) const {
    return order.lookup(a) < order.lookup(b);
  }
  /// Whether an instruction that is no structured op runs between the two.
  bool isInstructionBetween(const Cluster &a, const Cluster &b) const {
    return numFixed[getPosition(a)] != numFixed[getPosition(b)];
  }

  SmallVector<Read> getReads(const Cluster &cluster) const;
  /// The ops that read a value, through free ones. Nobody who can compute it
  /// reads the result of a free op.
  SmallVector<Operation *> getReaders(Value leaf) const;

  /// Whether the cluster reads what it updates by another name, of whose
  /// elements a kernel does not know where they lie.
  bool readsViewOfUpdated(const Cluster &cluster) const;

  /// Whether `cluster` may run where `to` does, which it is to be merged with:
  /// all that it would pass is independent of it.
  bool mayMove(const Cluster &cluster, const Cluster &to) const;
  /// Whether no more bytes are then alive in between.
  bool movePays(const Cluster &cluster, const Cluster &to) const;

private:
  void addUpdate(Value target, Operation *updater);
  SmallVector<Operation *> getBufferReaders(Value buffer) const;
  SmallVector<Operation *> getReadersOfUpdated(const Cluster &cluster) const;
  SmallVector<Operation *> getSuccessors(const Cluster &cluster) const;
  bool isReadOutside(const Cluster &cluster, Operation *op) const;

  DenseMap<Operation *, int64_t> order;
  /// How many instructions that are not structured ops come before each index.
  SmallVector<int64_t> numFixed;
  /// For each buffer that is updated in place, by whom, and the other way
  /// round.
  DenseMap<Value, SmallVector<Operation *, 1>> updaters;
  DenseMap<Operation *, SmallVector<Value, 3>> updates;
};

/// The loops that the reductions keep which the cluster reads; empty where it
/// reads none, none where they disagree.
std::optional<llvm::SmallBitVector> findRowLoops(const Cluster &cluster);

/// Whether the cluster is what a kernel can be: all that it holds runs over the
/// whole domain; or over its rows, where it reads what it reduces; or is so
/// cheap that its readers, all in the cluster, compute it wherever they need
/// it. `parts` are the clusters of the graph that it stands for.
bool mayBeKernel(const ClusterGraph &graph, const Cluster &cluster,
                 ArrayRef<const Cluster *> parts);

/// Merges clusters with those that produce what they read and with others that
/// read the same, until nothing changes; past other instructions only where
/// `mayCross`.
void mergeClusters(ClusterGraph &graph, bool mayCross);

/// Lets clusters compute again what no instruction needs and what they can from
/// values that they read anyway.
void recomputeInClusters(ClusterGraph &graph);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_CLUSTERGRAPH_H
