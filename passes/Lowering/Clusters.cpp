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
// and loaded tensor costs more than arithmetic in registers.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Clusters.h"
#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Structure.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

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

namespace {

//===----------------------------------------------------------------------===//
// The block as a graph of clusters
//===----------------------------------------------------------------------===//

class Clustering {
public:
  explicit Clustering(Block &block) : block(block) {}

  SmallVector<Cluster> run();

private:
  void build();
  void addUpdate(Value target, Operation *updater);

  /// The index of a cluster; none for an instruction of another kind.
  std::optional<unsigned> getHome(Operation *op) const {
    auto it = home.find(op);
    return it == home.end() ? std::nullopt : std::optional(it->second);
  }
  /// Where an op runs, as its cluster does.
  int64_t getPosition(Operation *op) const {
    auto index = getHome(op);
    return order.lookup(index ? clusters[*index].position : op);
  }
  int64_t getPosition(const Cluster &cluster) const {
    return order.lookup(cluster.position);
  }

  SmallVector<Read> getReads(const Cluster &cluster) const;
  SmallVector<Operation *> getReaders(Value leaf) const;
  SmallVector<Operation *> getBufferReaders(Value buffer) const;
  bool isReadOutside(const Cluster &cluster, Operation *op) const;

  bool comesBefore(const Cluster &cluster, int64_t position,
                   const Cluster &except) const;
  bool comesAfter(const Cluster &cluster, int64_t position,
                  const Cluster &except) const;

  std::optional<DomainDims> embed(const Cluster &from, const Cluster &to) const;
  bool mayRunInside(const Cluster &small, const Cluster &large) const;
  bool moveLaterPays(const Cluster &cluster, const Cluster &to) const;
  bool moveEarlierPays(const Cluster &cluster, const Cluster &to) const;
  bool agreeOnShared(const Cluster &from, const Cluster &to,
                     ArrayRef<unsigned> loops) const;
  bool tryMerge(unsigned first, unsigned second);
  void merge(unsigned from, unsigned into, ArrayRef<unsigned> loops,
             Operation *position);

  bool mergeWithProducers();
  bool mergeSiblings();
  void mergeAll();

  bool findCone(unsigned reader, Value value,
                SmallVectorImpl<std::pair<StructuredOpInterface, DomainDims>>
                    &cone) const;
  void recompute();

  Block &block;
  DenseMap<Operation *, int64_t> order;
  /// How many instructions that are not structured ops come before each index.
  SmallVector<int64_t> numFixed;
  SmallVector<Cluster> clusters; ///< Without ops where merged away.
  DenseMap<Operation *, unsigned> home;
  /// For each buffer that is updated in place, by whom, and the other way
  /// round.
  DenseMap<Value, SmallVector<Operation *, 1>> updaters;
  DenseMap<Operation *, SmallVector<Value, 3>> updates;
  bool mayCross = false;
};

/// Whether the op only gives its operand another name.
bool isAlias(Operation *op) {
  auto planned = dyn_cast<exec::PlannedOpInterface>(op);
  return planned && planned.isAlias();
}

/// The value whose buffer this one is another name of.
Value getBuffer(Value value) {
  while (value.getDefiningOp() && isAlias(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

void Clustering::addUpdate(Value target, Operation *updater) {
  Value buffer = getBuffer(target);
  auto &list = updaters[buffer];
  if (llvm::is_contained(list, updater))
    return;
  list.push_back(updater);
  updates[updater].push_back(buffer);
}

void Clustering::build() {
  int64_t fixed = 0;
  for (Operation &op : block) {
    order[&op] = numFixed.size();
    numFixed.push_back(fixed);
    auto structured = dyn_cast<StructuredOpInterface>(op);
    if (!structured && !isFree(&op))
      ++fixed;
    // A broadcast is a kernel only for those that cannot compute it themselves.
    bool needed =
        structured &&
        (!isFree(&op) || llvm::any_of(op.getUsers(), [](Operation *user) {
          return !isa<StructuredOpInterface>(user);
        }));
    if (!needed)
      continue;
    Cluster cluster;
    cluster.ops = {structured};
    cluster.domain = getLoopSizes(structured);
    cluster.opLoops = {llvm::to_vector_of<unsigned, 4>(
        llvm::seq<size_t>(0, cluster.domain.size()))};
    cluster.position = &op;
    home[&op] = clusters.size();
    clusters.push_back(std::move(cluster));

    if (auto inPlace = dyn_cast<fabric::InPlaceOpInterface>(op))
      for (unsigned result = 0; result < op.getNumResults(); ++result)
        addUpdate(op.getOperand(inPlace.getUpdatedOperand(result)), &op);
  }
  // A result may be the new value of an argument without such an op.
  auto function = dyn_cast<func::FuncOp>(block.getParentOp());
  if (!function)
    return;
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands())) {
    auto argument = function.getResultAttrOfType<IntegerAttr>(
        index, fabric::FabricDialect::kUpdateOfAttr);
    if (argument && value.getDefiningOp())
      addUpdate(function.getArgument(argument.getInt()), value.getDefiningOp());
  }
}

SmallVector<Read> Clustering::getReads(const Cluster &cluster) const {
  SmallVector<Read> reads;
  for (unsigned member = 0; member < cluster.ops.size(); ++member)
    for (unsigned i = 0; i < cluster.ops[member]->getNumOperands(); ++i)
      if (auto read = getRead(cluster, member, i))
        reads.push_back(std::move(*read));
  return reads;
}

/// The ops that read a value, through free ones. Nobody who can compute it
/// reads the result of a free op.
SmallVector<Operation *> Clustering::getReaders(Value leaf) const {
  SmallVector<Operation *> readers;
  bool leafIsFree = leaf.getDefiningOp() && isFree(leaf.getDefiningOp());
  SmallVector<Value> worklist = {leaf};
  while (!worklist.empty())
    for (Operation *user : worklist.pop_back_val().getUsers()) {
      bool isKernel = isa<StructuredOpInterface>(user);
      if (isKernel && leafIsFree)
        continue;
      if (!isFree(user) || home.contains(user))
        readers.push_back(user);
      if (isFree(user))
        worklist.append(user->result_begin(), user->result_end());
    }
  return readers;
}

/// The ops that read a value under any name.
SmallVector<Operation *> Clustering::getBufferReaders(Value buffer) const {
  SmallVector<Operation *> readers;
  SmallVector<Value> worklist = {buffer};
  while (!worklist.empty())
    for (Operation *reader : getReaders(worklist.pop_back_val())) {
      if (isAlias(reader))
        worklist.push_back(reader->getResult(0));
      else
        readers.push_back(reader);
    }
  return readers;
}

bool Clustering::isReadOutside(const Cluster &cluster, Operation *op) const {
  if (cluster.recomputed.contains(op))
    return false;
  return llvm::any_of(op->getResults(), [&](Value result) {
    return llvm::any_of(getReaders(result), [&](Operation *reader) {
      return !cluster.contains(reader);
    });
  });
}

/// Whether all that the cluster depends on runs before `position`; `except` is
/// being merged with it.
bool Clustering::comesAfter(const Cluster &cluster, int64_t position,
                            const Cluster &except) const {
  auto isBefore = [&](Operation *op) {
    return cluster.contains(op) || except.contains(op) ||
           getPosition(op) < position;
  };
  for (const Read &read : getReads(cluster))
    if (Operation *producer = read.leaf.getDefiningOp())
      if (!isBefore(producer))
        return false;
  // Whoever reads what the cluster updates in place.
  for (StructuredOpInterface op : cluster.ops) {
    auto it = updates.find(op);
    if (it == updates.end())
      continue;
    for (Value buffer : it->second)
      if (!llvm::all_of(getBufferReaders(buffer), isBefore))
        return false;
  }
  return true;
}

/// Whether all that depends on the cluster runs after `position`.
bool Clustering::comesBefore(const Cluster &cluster, int64_t position,
                             const Cluster &except) const {
  auto isAfter = [&](Operation *op) {
    return cluster.contains(op) || except.contains(op) ||
           getPosition(op) > position;
  };
  for (StructuredOpInterface op : cluster.ops)
    for (Value result : op->getResults())
      if (!cluster.recomputed.contains(op) &&
          !llvm::all_of(getReaders(result), isAfter))
        return false;
  for (const Read &read : getReads(cluster)) {
    auto it = updaters.find(getBuffer(read.leaf));
    if (it != updaters.end() && !llvm::all_of(it->second, isAfter))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

/// For each loop of `from`, the loop of `to` that it is, by what both read or
/// what one gives the other. None where values disagree or do not say.
std::optional<DomainDims> Clustering::embed(const Cluster &from,
                                            const Cluster &to) const {
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
  SmallVector<Read> fromReads = getReads(from), toReads = getReads(to);
  auto matchProducts = [&](const Cluster &producer,
                           const SmallVector<Read> &reads,
                           bool producerIsFrom) {
    for (const Read &read : reads)
      for (auto [member, op] : llvm::enumerate(producer.ops)) {
        if (read.leaf.getDefiningOp() != op)
          continue;
        if (isReduction(op))
          return false;
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
  // Siblings: a shared value places the loops only if it is read over all.
  if (!connected)
    for (const Read &mine : fromReads)
      for (const Read &theirs : toReads)
        if (mine.leaf == theirs.leaf &&
            mine.dims.size() == from.domain.size() &&
            theirs.dims.size() == to.domain.size() &&
            !match(mine.dims, theirs.dims))
          return std::nullopt;
  if (!connected || llvm::is_contained(loops, unknown))
    return std::nullopt;
  for (auto [index, loop] : llvm::enumerate(loops))
    if (llvm::is_contained(ArrayRef<unsigned>(loops).take_front(index), loop))
      return std::nullopt;
  return loops;
}

/// Whether a cluster of fewer loops may be computed in the body of a larger
/// one, again for every iteration of the others: nobody else reads it, and it
/// costs next to nothing.
bool Clustering::mayRunInside(const Cluster &small,
                              const Cluster &large) const {
  for (StructuredOpInterface op : small.ops) {
    auto cost = dyn_cast<fabric::CostOpInterface>(op.getOperation());
    int64_t elements = 1;
    for (int64_t size : getLoopSizes(op))
      elements *= size;
    bool isCheap =
        small.domain.empty() || (cost && cost.getFlops() <= elements);
    if (!isCheap || isReduction(op) ||
        isa<fabric::InPlaceOpInterface>(op.getOperation()))
      return false;
    for (Value result : op->getResults())
      for (Operation *reader : getReaders(result))
        if (!small.contains(reader) && !large.contains(reader))
          return false;
  }
  return true;
}

/// Whether running `cluster` later, with `to`, keeps no more bytes alive in
/// between: its inputs wait for it, its results come into being later.
bool Clustering::moveLaterPays(const Cluster &cluster,
                               const Cluster &to) const {
  int64_t now = 0, then = 0;
  llvm::SmallSetVector<Value, 8> leaves;
  for (const Read &read : getReads(cluster))
    if (read.leaf.getDefiningOp() &&
        !cluster.contains(read.leaf.getDefiningOp()))
      leaves.insert(read.leaf);
  for (Value leaf : leaves) {
    bool aliveAnyway = llvm::any_of(getReaders(leaf), [&](Operation *reader) {
      return !cluster.contains(reader) &&
             getPosition(reader) >= getPosition(to);
    });
    if (!aliveAnyway)
      then += exec::getNumBytes(leaf.getType());
  }
  for (StructuredOpInterface op : cluster.ops)
    if (isReadOutside(cluster, op))
      for (Type type : op->getResultTypes())
        now += exec::getNumBytes(type);
  return then <= now;
}

/// The same for running it earlier: its results wait for their readers, what
/// only it read is dead before.
bool Clustering::moveEarlierPays(const Cluster &cluster,
                                 const Cluster &to) const {
  int64_t now = 0, then = 0;
  llvm::SmallSetVector<Value, 8> leaves;
  for (const Read &read : getReads(cluster))
    if (read.leaf.getDefiningOp() &&
        !cluster.contains(read.leaf.getDefiningOp()))
      leaves.insert(read.leaf);
  for (Value leaf : leaves) {
    bool aliveAnyway = llvm::any_of(getReaders(leaf), [&](Operation *reader) {
      return !cluster.contains(reader) && getPosition(reader) > getPosition(to);
    });
    if (!aliveAnyway)
      now += exec::getNumBytes(leaf.getType());
  }
  for (StructuredOpInterface op : cluster.ops)
    if (isReadOutside(cluster, op))
      for (Type type : op->getResultTypes())
        then += exec::getNumBytes(type);
  return then <= now;
}

static DomainDims compose(ArrayRef<unsigned> opLoops,
                          ArrayRef<unsigned> loops) {
  DomainDims composed;
  for (unsigned loop : opLoops)
    composed.push_back(loops[loop]);
  return composed;
}

/// Whether an op that both clusters hold has the same loops in both.
bool Clustering::agreeOnShared(const Cluster &from, const Cluster &to,
                               ArrayRef<unsigned> loops) const {
  for (auto [op, opLoops] : llvm::zip_equal(from.ops, from.opLoops))
    for (auto [other, otherLoops] : llvm::zip_equal(to.ops, to.opLoops))
      if (op == other && compose(opLoops, loops) != otherLoops)
        return false;
  return true;
}

void Clustering::merge(unsigned from, unsigned into, ArrayRef<unsigned> loops,
                       Operation *position) {
  Cluster &source = clusters[from], &target = clusters[into];
  SmallVector<std::pair<StructuredOpInterface, DomainDims>> members;
  for (auto [op, opLoops] : llvm::zip_equal(target.ops, target.opLoops))
    members.emplace_back(op, opLoops);
  for (auto [op, opLoops] : llvm::zip_equal(source.ops, source.opLoops)) {
    bool isHome = !source.recomputed.contains(op);
    if (isHome)
      home[op] = into;
    if (target.contains(op)) {
      if (isHome)
        target.recomputed.erase(op);
      continue;
    }
    if (!isHome)
      target.recomputed.insert(op);
    members.emplace_back(op, compose(opLoops, loops));
  }
  llvm::sort(members, [&](const auto &a, const auto &b) {
    return order.lookup(a.first) < order.lookup(b.first);
  });
  target.ops.clear();
  target.opLoops.clear();
  for (auto &[op, opLoops] : members) {
    target.ops.push_back(op);
    target.opLoops.push_back(opLoops);
  }
  target.position = position;
  source = Cluster();
}

/// Merges two clusters, `first` of which runs before `second`, if that is legal
/// and pays.
bool Clustering::tryMerge(unsigned first, unsigned second) {
  Cluster &a = clusters[first], &b = clusters[second];
  // The smaller domain goes into the larger one.
  bool aIntoB = a.domain.size() <= b.domain.size();
  std::optional<DomainDims> loops = aIntoB ? embed(a, b) : embed(b, a);
  if (!loops ||
      !(aIntoB ? agreeOnShared(a, b, *loops) : agreeOnShared(b, a, *loops)))
    return false;
  if (a.domain.size() != b.domain.size() &&
      !(aIntoB ? mayRunInside(a, b) : mayRunInside(b, a)))
    return false;

  int64_t positionOfA = getPosition(a), positionOfB = getPosition(b);
  bool crosses = numFixed[positionOfA] != numFixed[positionOfB];
  if (crosses && !mayCross)
    return false;
  Operation *position = nullptr;
  if (comesBefore(a, positionOfB, b) && (!crosses || moveLaterPays(a, b)))
    position = b.position;
  else if (comesAfter(b, positionOfA, a) && (!crosses || moveEarlierPays(b, a)))
    position = a.position;
  if (!position)
    return false;
  if (aIntoB)
    merge(first, second, *loops, position);
  else
    merge(second, first, *loops, position);
  return true;
}

bool Clustering::mergeWithProducers() {
  bool changed = false;
  for (Operation &op : block) {
    bool merged = true;
    while (merged) {
      merged = false;
      auto consumer = getHome(&op);
      if (!consumer)
        break;
      // The nearest first: what lies between then moves along.
      SmallVector<unsigned> producers;
      for (const Read &read : getReads(clusters[*consumer]))
        if (Operation *producer = read.leaf.getDefiningOp())
          if (auto index = getHome(producer);
              index && *index != *consumer &&
              !llvm::is_contained(producers, *index))
            producers.push_back(*index);
      llvm::sort(producers, [&](unsigned a, unsigned b) {
        return getPosition(clusters[a]) > getPosition(clusters[b]);
      });
      merged = llvm::any_of(producers, [&](unsigned producer) {
        return tryMerge(producer, *consumer);
      });
      changed |= merged;
    }
  }
  return changed;
}

bool Clustering::mergeSiblings() {
  bool changed = false;
  auto visit = [&](Value value) {
    bool merged = true;
    while (merged) {
      merged = false;
      SmallVector<unsigned> readers;
      for (Operation *reader : getReaders(value))
        if (auto index = getHome(reader);
            index && !llvm::is_contained(readers, *index))
          readers.push_back(*index);
      llvm::sort(readers, [&](unsigned a, unsigned b) {
        return getPosition(clusters[a]) < getPosition(clusters[b]);
      });
      for (size_t i = 1; i < readers.size() && !merged; ++i)
        merged = tryMerge(readers[i - 1], readers[i]);
      changed |= merged;
    }
  };
  llvm::for_each(block.getArguments(), visit);
  for (Operation &op : block)
    if (!isFree(&op))
      llvm::for_each(op.getResults(), visit);
  return changed;
}

//===----------------------------------------------------------------------===//
// Recomputing
//===----------------------------------------------------------------------===//

/// The ops that compute `value` from leaves that cluster `reader` reads anyway,
/// at the same place of the domain, with their loops in it.
bool Clustering::findCone(
    unsigned reader, Value value,
    SmallVectorImpl<std::pair<StructuredOpInterface, DomainDims>> &cone) const {
  constexpr size_t maxOps = 8;
  const Cluster &cluster = clusters[reader];
  SmallVector<Read> reads = getReads(cluster);
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

void Clustering::recompute() {
  for (Operation &op : block) {
    auto owner = getHome(&op);
    if (!owner || op.getNumResults() != 1)
      continue;
    Value value = op.getResult(0);
    llvm::SmallSetVector<unsigned, 4> readers;
    bool onlyClusters = true;
    for (Operation *reader : getReaders(value)) {
      auto index = getHome(reader);
      onlyClusters &= index.has_value();
      if (index && *index != *owner)
        readers.insert(*index);
    }
    if (!onlyClusters || readers.empty())
      continue;
    SmallVector<SmallVector<std::pair<StructuredOpInterface, DomainDims>>>
        cones;
    bool everywhere = llvm::all_of(readers, [&](unsigned reader) {
      return findCone(reader, value, cones.emplace_back());
    });
    if (!everywhere)
      continue;
    for (auto [reader, cone] : llvm::zip_equal(readers, cones)) {
      Cluster &cluster = clusters[reader];
      for (auto &[member, loops] : cone) {
        if (cluster.contains(member))
          continue;
        auto at = llvm::find_if(cluster.ops, [&](Operation *other) {
          return order.lookup(member) < order.lookup(other);
        });
        cluster.opLoops.insert(
            cluster.opLoops.begin() + (at - cluster.ops.begin()), loops);
        cluster.ops.insert(at, member);
        cluster.recomputed.insert(member);
      }
    }
    // Its own cluster may not need it.
    Cluster &mine = clusters[*owner];
    bool usedAtHome = llvm::any_of(getReaders(value), [&](Operation *reader) {
      return getHome(reader) == owner;
    });
    if (usedAtHome)
      continue;
    size_t member = llvm::find(mine.ops, &op) - mine.ops.begin();
    mine.ops.erase(mine.ops.begin() + member);
    mine.opLoops.erase(mine.opLoops.begin() + member);
    home.erase(&op);
  }
}

void Clustering::mergeAll() {
  bool changed = true;
  while (changed) {
    changed = mergeWithProducers();
    changed |= mergeSiblings();
  }
}

SmallVector<Cluster> Clustering::run() {
  build();
  mergeAll();
  recompute();
  mayCross = true;
  mergeAll();
  recompute();
  llvm::erase_if(clusters,
                 [](const Cluster &cluster) { return cluster.ops.empty(); });
  llvm::sort(clusters, [&](const Cluster &a, const Cluster &b) {
    return getPosition(a) < getPosition(b);
  });
  return std::move(clusters);
}

} // namespace

SmallVector<Cluster> mlir::lowering::formClusters(Block &block) {
  return Clustering(block).run();
}
