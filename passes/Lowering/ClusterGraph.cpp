//===- ClusterGraph.cpp - A block as a graph of clusters ------------------===//

#include "passes/Lowering/ClusterGraph.h"
#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Structure.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// Whether the op only gives its operand another name.
static bool isAlias(Operation *op) {
  auto planned = dyn_cast<exec::PlannedOpInterface>(op);
  return planned && planned.isAlias();
}

/// The value whose buffer this one is another name of.
static Value getBuffer(Value value) {
  while (value.getDefiningOp() && isAlias(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

void ClusterGraph::addUpdate(Value target, Operation *updater) {
  Value buffer = getBuffer(target);
  auto &list = updaters[buffer];
  if (llvm::is_contained(list, updater))
    return;
  list.push_back(updater);
  updates[updater].push_back(buffer);
}

ClusterGraph::ClusterGraph(Block &block) : block(block) {
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

std::optional<unsigned> ClusterGraph::getHome(Operation *op) const {
  auto it = home.find(op);
  return it == home.end() ? std::nullopt : std::optional(it->second);
}

SmallVector<unsigned> ClusterGraph::getHolders(Operation *op) const {
  SmallVector<unsigned> holders;
  if (auto index = getHome(op))
    holders.push_back(*index);
  if (auto it = copies.find(op); it != copies.end())
    llvm::append_range(holders, it->second);
  return holders;
}

bool ClusterGraph::isOnlyIn(Operation *op,
                            ArrayRef<const Cluster *> those) const {
  SmallVector<unsigned> holders = getHolders(op);
  return !holders.empty() && llvm::all_of(holders, [&](unsigned holder) {
    return llvm::is_contained(those, &clusters[holder]);
  });
}

int64_t ClusterGraph::getPosition(Operation *op) const {
  auto index = getHome(op);
  return order.lookup(index ? clusters[*index].position : op);
}

SmallVector<Read> ClusterGraph::getReads(const Cluster &cluster) const {
  SmallVector<Read> reads;
  for (unsigned member = 0; member < cluster.ops.size(); ++member)
    for (unsigned i = 0; i < cluster.ops[member]->getNumOperands(); ++i)
      if (auto read = getRead(cluster, member, i))
        reads.push_back(std::move(*read));
  return reads;
}

SmallVector<Operation *> ClusterGraph::getReaders(Value leaf) const {
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
SmallVector<Operation *> ClusterGraph::getBufferReaders(Value buffer) const {
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

bool ClusterGraph::isReadOutside(const Cluster &cluster, Operation *op) const {
  if (cluster.recomputed.contains(op))
    return false;
  return llvm::any_of(op->getResults(), [&](Value result) {
    return llvm::any_of(getReaders(result), [&](Operation *reader) {
      return !isOnlyIn(reader, &cluster);
    });
  });
}

//===----------------------------------------------------------------------===//
// Moving
//===----------------------------------------------------------------------===//

/// Who reads what the cluster updates in place, and must run before it.
SmallVector<Operation *>
ClusterGraph::getReadersOfUpdated(const Cluster &cluster) const {
  SmallVector<Operation *> ops;
  for (StructuredOpInterface op : cluster.ops)
    for (Value buffer : updates.lookup(op))
      llvm::append_range(ops, getBufferReaders(buffer));
  return ops;
}

/// Who reads what the cluster makes, or updates what it reads.
SmallVector<Operation *>
ClusterGraph::getSuccessors(const Cluster &cluster) const {
  SmallVector<Operation *> ops;
  for (StructuredOpInterface op : cluster.ops)
    if (!cluster.recomputed.contains(op))
      for (Value result : op->getResults())
        llvm::append_range(ops, getReaders(result));
  for (const Read &read : getReads(cluster))
    llvm::append_range(ops, updaters.lookup(getBuffer(read.leaf)));
  return ops;
}

bool ClusterGraph::readsViewOfUpdated(const Cluster &cluster) const {
  SmallVector<Read> reads = getReads(cluster);
  return llvm::any_of(cluster.ops, [&](StructuredOpInterface op) {
    return llvm::any_of(updates.lookup(op), [&](Value buffer) {
      return llvm::any_of(reads, [&](const Read &read) {
        Operation *producer = read.leaf.getDefiningOp();
        return producer && isAlias(producer) && getBuffer(read.leaf) == buffer;
      });
    });
  });
}

bool ClusterGraph::mayMove(const Cluster &cluster, const Cluster &to) const {
  int64_t target = getPosition(to);
  bool later = target > getPosition(cluster);
  auto isBeyond = [&](int64_t position) {
    return later ? position > target : position < target;
  };
  // Wherever the op is computed: a copy reads what the op does.
  auto stays = [&](Operation *op) {
    SmallVector<unsigned> holders = getHolders(op);
    if (holders.empty())
      return isBeyond(order.lookup(op));
    return llvm::all_of(holders, [&](unsigned holder) {
      const Cluster &other = clusters[holder];
      return &other == &cluster || &other == &to ||
             isBeyond(getPosition(other));
    });
  };
  if (later)
    return llvm::all_of(getSuccessors(cluster), stays);
  // Any copy of a producer will do.
  auto isThere = [&](const Read &read) {
    Operation *producer = read.leaf.getDefiningOp();
    return !producer || cluster.contains(producer) || to.contains(producer) ||
           isBeyond(getPosition(producer));
  };
  return llvm::all_of(getReads(cluster), isThere) &&
         llvm::all_of(getReadersOfUpdated(cluster), stays);
}

/// Later, inputs wait for the cluster and results come into being after what is
/// passed; earlier, what only it reads is dead before, and results wait.
bool ClusterGraph::movePays(const Cluster &cluster, const Cluster &to) const {
  int64_t target = getPosition(to);
  bool later = target > getPosition(cluster);
  int64_t inputs = 0, results = 0;
  llvm::SmallSetVector<Value, 8> leaves;
  for (const Read &read : getReads(cluster))
    if (read.leaf.getDefiningOp() &&
        !cluster.contains(read.leaf.getDefiningOp()))
      leaves.insert(read.leaf);
  for (Value leaf : leaves) {
    bool aliveAnyway = llvm::any_of(getReaders(leaf), [&](Operation *reader) {
      int64_t position = getPosition(reader);
      return !cluster.contains(reader) &&
             (later ? position >= target : position > target);
    });
    if (!aliveAnyway)
      inputs += exec::getNumBytes(leaf.getType());
  }
  for (StructuredOpInterface op : cluster.ops)
    if (isReadOutside(cluster, op))
      for (Type type : op->getResultTypes())
        results += exec::getNumBytes(type);
  return later ? inputs <= results : results <= inputs;
}
