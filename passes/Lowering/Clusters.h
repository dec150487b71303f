//===- Clusters.h - Which structured ops make a kernel ----------*- C++ -*-===//
//
// The decision behind lower-form-kernels, without rewrites. A cluster is a set
// of structured ops that share one iteration domain and run at one place of the
// block; where some read what others reduce, it has rows (KernelDomain.h).
// Splat constants and broadcasts are *free*: every cluster that reads
// one computes it for itself, from its *leaves*, the values that are not free.
//
// Every cluster has a position in the block, and these always are a valid
// order: two clusters merge at the position of one of them if all that depends
// on them still comes later and all that they depend on still comes before. A
// reader of a value and the op that updates it in place depend on each other
// likewise.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_CLUSTERS_H
#define FABRIC_PASSES_LOWERING_CLUSTERS_H

#include "dialects/Fabric/IR/Fabric.h"

namespace mlir::lowering {

/// The loops of the domain that index a tensor's dims, in order.
using DomainDims = SmallVector<unsigned, 4>;

struct Cluster {
  /// In block order.
  SmallVector<fabric::StructuredOpInterface> ops;
  /// For each op, the domain's loop that each loop of it is.
  SmallVector<DomainDims> opLoops;
  /// Of `ops`, those that another cluster holds as well, and returns.
  DenseSet<Operation *> recomputed;
  SmallVector<int64_t> domain;
  /// Where the cluster runs: in place of this op of the block.
  Operation *position = nullptr;

  bool contains(Operation *op) const;
};

/// A value that a cluster reads, and where in the domain.
struct Read {
  Value leaf;
  DomainDims dims;
};

/// A splat constant or a broadcast.
bool isFree(Operation *op);

/// What operand `index` of op `member` of the cluster reads, through free ops;
/// nothing where it is made of constants alone.
std::optional<Read> getRead(const Cluster &cluster, unsigned member,
                            unsigned index);

/// The dims of a result of op `member` in the domain.
DomainDims getResultDims(const Cluster &cluster, unsigned member,
                         unsigned result);

/// All structured ops of the block in clusters, by position.
SmallVector<Cluster> formClusters(Block &block);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_CLUSTERS_H
