//===- MergeClusters.cpp - Two clusters become one kernel -----------------===//

#include "passes/Lowering/ClusterGraph.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Structure.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// For each loop of `from`, the loop of `to` that it is, by what both read or
/// what one gives the other. None where values disagree or do not say.
static std::optional<DomainDims> embed(const ClusterGraph &graph,
                                       const Cluster &from, const Cluster &to) {
  constexpr unsigned unknown = ~0u;
  DomainDims loops(from.domain.size(), unknown);
  bool connected = false;
  auto match = [&](const DomainDims &mine, const DomainDims &theirs) {
    connected = true;
    for (auto [a, b] : llvm::zip_equal(mine, theirs)) {
      if (loops[a] == unknown)
        loops[a] = b;
      if (loops[a] != b)
        return false;
    }
    return true;
  };
  SmallVector<Read> fromReads = graph.getReads(from),
                    toReads = graph.getReads(to);
  auto matchProducts = [&](const Cluster &producer,
                           const SmallVector<Read> &reads,
                           bool producerIsFrom) {
    for (const Read &read : reads)
      for (auto [member, op] : llvm::enumerate(producer.ops)) {
        if (read.leaf.getDefiningOp() != op)
          continue;
        DomainDims dims = getResultDims(
            producer, member, cast<OpResult>(read.leaf).getResultNumber());
        if (!(producerIsFrom ? match(dims, read.dims) : match(read.dims, dims)))
          return false;
      }
    return true;
  };
  if (!matchProducts(from, toReads, true) ||
      !matchProducts(to, fromReads, false))
    return std::nullopt;
  // Siblings: a shared value places the loops only if it is read over all. So
  // it does for what reads a reduction of it, which does not say all loops.
  bool mustAgree = !connected;
  if (llvm::is_contained(loops, unknown) || !connected)
    for (const Read &mine : fromReads)
      for (const Read &theirs : toReads) {
        if (mine.leaf != theirs.leaf ||
            mine.dims.size() != from.domain.size() ||
            theirs.dims.size() != to.domain.size())
          continue;
        DomainDims before = loops;
        if (match(mine.dims, theirs.dims))
          continue;
        if (mustAgree)
          return std::nullopt;
        loops = std::move(before);
      }
  if (!connected || llvm::is_contained(loops, unknown))
    return std::nullopt;
  for (auto [index, loop] : llvm::enumerate(loops))
    if (llvm::is_contained(ArrayRef<unsigned>(loops).take_front(index), loop))
      return std::nullopt;
  return loops;
}

static DomainDims compose(ArrayRef<unsigned> opLoops,
                          ArrayRef<unsigned> loops) {
  DomainDims composed;
  for (unsigned loop : opLoops)
    composed.push_back(loops[loop]);
  return composed;
}

/// Whether an op that both clusters hold has the same loops in both.
static bool agreeOnShared(const Cluster &from, const Cluster &to,
                          ArrayRef<unsigned> loops) {
  for (auto [op, opLoops] : llvm::zip_equal(from.ops, from.opLoops))
    for (auto [other, otherLoops] : llvm::zip_equal(to.ops, to.opLoops))
      if (op == other && compose(opLoops, loops) != otherLoops)
        return false;
  return true;
}

/// Both in one, without a position. Ops are in block order.
static Cluster join(const ClusterGraph &graph, const Cluster &from,
                    const Cluster &into, ArrayRef<unsigned> loops) {
  SmallVector<std::pair<StructuredOpInterface, DomainDims>> members;
  for (auto [op, opLoops] : llvm::zip_equal(into.ops, into.opLoops))
    members.emplace_back(op, opLoops);
  for (auto [op, opLoops] : llvm::zip_equal(from.ops, from.opLoops))
    if (!into.contains(op))
      members.emplace_back(op, compose(opLoops, loops));
  llvm::sort(members, [&](const auto &a, const auto &b) {
    return graph.isBefore(a.first, b.first);
  });
  Cluster joined;
  joined.domain = into.domain;
  for (auto &[op, opLoops] : members) {
    auto isElsewhere = [&](const Cluster &cluster) {
      return !cluster.contains(op) || cluster.recomputed.contains(op);
    };
    if (isElsewhere(from) && isElsewhere(into))
      joined.recomputed.insert(op);
    joined.ops.push_back(op);
    joined.opLoops.push_back(std::move(opLoops));
  }
  return joined;
}

/// `joined`, of the two clusters, takes the place of the second.
static void merge(ClusterGraph &graph, unsigned from, unsigned into,
                  Cluster joined) {
  for (unsigned old : {from, into})
    for (Operation *op : graph.clusters[old].recomputed)
      llvm::erase(graph.copies[op], old);
  for (StructuredOpInterface op : joined.ops) {
    if (joined.recomputed.contains(op))
      graph.copies[op].push_back(into);
    else
      graph.home[op] = into;
  }
  graph.clusters[into] = std::move(joined);
  graph.clusters[from] = Cluster();
}

/// Merges two clusters, `first` of which runs before `second`, if that is legal
/// and pays.
static bool tryMerge(ClusterGraph &graph, unsigned first, unsigned second,
                     bool mayCross) {
  Cluster &a = graph.clusters[first], &b = graph.clusters[second];
  // The smaller domain goes into the larger one.
  bool aIntoB = a.domain.size() <= b.domain.size();
  Cluster &from = aIntoB ? a : b, &into = aIntoB ? b : a;
  std::optional<DomainDims> loops = embed(graph, from, into);
  if (!loops || !agreeOnShared(from, into, *loops))
    return false;
  Cluster joined = join(graph, from, into, *loops);
  if (!mayBeKernel(graph, joined, {&a, &b}) || graph.readsViewOfUpdated(joined))
    return false;

  bool crosses = graph.isInstructionBetween(a, b);
  if (crosses && !mayCross)
    return false;
  auto moves = [&](const Cluster &cluster, const Cluster &to) {
    return graph.mayMove(cluster, to) &&
           (!crosses || graph.movePays(cluster, to));
  };
  if (moves(a, b))
    joined.position = b.position;
  else if (moves(b, a))
    joined.position = a.position;
  else
    return false;
  merge(graph, aIntoB ? first : second, aIntoB ? second : first,
        std::move(joined));
  return true;
}

static bool mergeWithProducers(ClusterGraph &graph, bool mayCross) {
  bool changed = false;
  for (Operation &op : graph.block) {
    bool merged = true;
    while (merged) {
      merged = false;
      auto consumer = graph.getHome(&op);
      if (!consumer)
        break;
      // The nearest first: what lies between then moves along.
      SmallVector<unsigned> producers;
      for (const Read &read : graph.getReads(graph.clusters[*consumer]))
        if (Operation *producer = read.leaf.getDefiningOp())
          if (auto index = graph.getHome(producer);
              index && *index != *consumer &&
              !llvm::is_contained(producers, *index))
            producers.push_back(*index);
      llvm::sort(producers, [&](unsigned a, unsigned b) {
        return graph.getPosition(graph.clusters[a]) >
               graph.getPosition(graph.clusters[b]);
      });
      merged = llvm::any_of(producers, [&](unsigned producer) {
        return tryMerge(graph, producer, *consumer, mayCross);
      });
      changed |= merged;
    }
  }
  return changed;
}

static bool mergeSiblings(ClusterGraph &graph, bool mayCross) {
  bool changed = false;
  auto visit = [&](Value value) {
    bool merged = true;
    while (merged) {
      merged = false;
      SmallVector<unsigned> readers;
      for (Operation *reader : graph.getReaders(value))
        if (auto index = graph.getHome(reader);
            index && !llvm::is_contained(readers, *index))
          readers.push_back(*index);
      llvm::sort(readers, [&](unsigned a, unsigned b) {
        return graph.getPosition(graph.clusters[a]) <
               graph.getPosition(graph.clusters[b]);
      });
      for (size_t i = 1; i < readers.size() && !merged; ++i)
        merged = tryMerge(graph, readers[i - 1], readers[i], mayCross);
      changed |= merged;
    }
  };
  llvm::for_each(graph.block.getArguments(), visit);
  for (Operation &op : graph.block)
    if (!isFree(&op))
      llvm::for_each(op.getResults(), visit);
  return changed;
}

void mlir::lowering::mergeClusters(ClusterGraph &graph, bool mayCross) {
  bool changed = true;
  while (changed) {
    changed = mergeWithProducers(graph, mayCross);
    changed |= mergeSiblings(graph, mayCross);
  }
}
