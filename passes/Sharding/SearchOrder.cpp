//===- SearchOrder.cpp - In which order layouts are searched --------------===//
//
// Forward ops are those that results other than gradients and updates depend
// on. Their places are counted in program order, but what is made of parameters
// alone moves down to its first user. A backward op gets the place of a forward
// op: of the latest that makes or uses a forward value it reads, and that is no
// later than the places of the backward values it reads.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/SearchOrder.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/ShardingTable.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::fabric::FabricDialect;

namespace {
class Placer {
public:
  explicit Placer(func::FuncOp function)
      : function(function), block(function.getBody().front()) {}
  SmallVector<Operation *> run();

private:
  void findForward();
  void placeForward();
  void placeBackward();
  bool isParameter(Value value);
  bool isMadeOfParameters(Operation &op);

  func::FuncOp function;
  Block &block;
  DenseSet<Operation *> forward;
  DenseSet<Operation *> parameterOps;
  DenseMap<Operation *, unsigned> places;
  /// Of the ops that make or use a forward value, ascending.
  DenseMap<Value, SmallVector<unsigned, 4>> touches;
};
} // namespace

void Placer::findForward() {
  DenseSet<Value> needed;
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands()))
    if (!function.getResultAttr(index, FabricDialect::kUpdateOfAttr) &&
        !function.getResultAttr(index, FabricDialect::kGradientOfAttr))
      needed.insert(value);
  for (Operation &op : llvm::reverse(block.without_terminator()))
    if (llvm::any_of(op.getResults(),
                     [&](Value value) { return needed.contains(value); })) {
      forward.insert(&op);
      needed.insert_range(op.getOperands());
    }
}

bool Placer::isParameter(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && function.getArgAttr(argument.getArgNumber(),
                                         FabricDialect::kParamAttr);
}

bool Placer::isMadeOfParameters(Operation &op) {
  return llvm::all_of(op.getOperands(), [&](Value value) {
    return isParameter(value) || (value.getDefiningOp() &&
                                  parameterOps.contains(value.getDefiningOp()));
  });
}

void Placer::placeForward() {
  unsigned place = 0;
  for (Operation &op : block.without_terminator()) {
    if (isMadeOfParameters(op))
      parameterOps.insert(&op);
    if (forward.contains(&op))
      places[&op] = place++;
  }
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    if (!forward.contains(&op))
      continue;
    if (parameterOps.contains(&op)) {
      unsigned first = place;
      for (Operation *user : op.getUsers())
        if (forward.contains(user))
          first = std::min(first, places[user]);
      places[&op] = std::max(first == place ? 0 : first, places[&op]);
    }
    for (Value value : op.getOperands())
      touches[value].push_back(places[&op]);
    for (Value value : op.getResults())
      touches[value].push_back(places[&op]);
  }
  for (auto &entry : touches)
    llvm::sort(entry.second);
}

void Placer::placeBackward() {
  const unsigned last = forward.size();
  for (Operation &op : block.without_terminator()) {
    if (forward.contains(&op))
      continue;
    // Constants are anywhere.
    auto values = llvm::make_filter_range(op.getOperands(), [](Value value) {
      return !ShardingTable::isSource(value);
    });
    unsigned limit = last;
    bool readsBackward = false;
    for (Value value : values)
      if (Operation *producer = value.getDefiningOp();
          producer && !forward.contains(producer)) {
        limit = std::min(limit, places[producer]);
        readsBackward = true;
      }
    std::optional<unsigned> latest;
    for (Value value : values) {
      auto it = touches.find(value);
      if (it == touches.end())
        continue;
      ArrayRef<unsigned> candidates = it->second;
      // What comes from forward values alone may stand anywhere after them.
      auto end = readsBackward ? llvm::upper_bound(candidates, limit)
                               : std::next(candidates.begin());
      if (end != candidates.begin())
        latest = std::max(latest.value_or(0), *std::prev(end));
    }
    places[&op] = latest.value_or(limit);
  }
}

SmallVector<Operation *> Placer::run() {
  findForward();
  placeForward();
  placeBackward();
  struct Entry {
    unsigned place;
    bool isBackward;
    unsigned index;
    Operation *op;
  };
  SmallVector<Entry> entries;
  for (Operation &op : block.without_terminator())
    entries.push_back(
        {places[&op], !forward.contains(&op), unsigned(entries.size()), &op});
  llvm::sort(entries, [](const Entry &a, const Entry &b) {
    return std::tie(a.place, a.isBackward, a.index) <
           std::tie(b.place, b.isBackward, b.index);
  });
  return llvm::map_to_vector(entries,
                             [](const Entry &entry) { return entry.op; });
}

SmallVector<Operation *> mlir::sharding::getSearchOrder(func::FuncOp function) {
  return Placer(function).run();
}
