//===- CommitShardings.cpp - Writes a sharding table into the IR ----------===//
//
// First everything is read off the table: where each value is, and groups of
// uses that want it elsewhere. Then types are set and reshards inserted, one a
// group, before the first use in it. Where terms are reduced for several
// groups, one group gets the reduction and the others a reshard of that:
// whichever is cheapest. What has no operands, such as a constant, is made anew
// under every sharding that is wanted.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/CommitShardings.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::sharding;

namespace {
/// Uses that want the value in one placement.
struct UseGroup {
  Placement wanted;
  SmallVector<OpOperand *, 2> uses;
};

struct ValuePlan {
  Value value;
  Placement placement;
  dist::ReductionKind reduction = dist::ReductionKind::Sum;
  SmallVector<UseGroup, 0> groups;
};

class Committer {
public:
  Committer(func::FuncOp function, ShardingTable &table,
            const PartialFlow &flow, analysis::ReshardPlanner &planner)
      : function(function), table(table), flow(flow), planner(planner) {}

  CommitResult run();

private:
  Placement getWanted(Value value, OpOperand &use);
  ValuePlan makePlan(Value value);
  int64_t getBytes(Value value, const Placement &from, const Placement &to);
  size_t chooseReduced(const ValuePlan &plan);
  void setType(const ValuePlan &plan);
  Value insertReshard(Value from, const Placement &wanted,
                      dist::ReductionKind reduction, OpOperand *before,
                      Location loc);
  void cloneSource(const ValuePlan &plan);
  void insertReshards(const ValuePlan &plan);
  RankedTensorType place(Value value, const Placement &placement,
                         dist::ReductionKind reduction) const {
    return dist::withSharding(
        cast<RankedTensorType>(value.getType()),
        placement.toSharding(table.getAtoms(), reduction));
  }

  func::FuncOp function;
  ShardingTable &table;
  const PartialFlow &flow;
  analysis::ReshardPlanner &planner;
  CommitResult statistics;
};
} // namespace

Placement Committer::getWanted(Value value, OpOperand &use) {
  if (std::optional<Placement> wanted = table.getWanted(use)) {
    wanted->partial = flow.getKept(value);
    return *wanted;
  }
  // A result of the function: an update is stored as its argument, all others
  // are only reduced.
  if (auto updated = function.getResultAttrOfType<IntegerAttr>(
          use.getOperandNumber(), fabric::FabricDialect::kUpdateOfAttr))
    return table.getPlacement(function.getArgument(updated.getInt()));
  Placement wanted = table.getPlacement(value);
  wanted.partial.clear();
  return wanted;
}

ValuePlan Committer::makePlan(Value value) {
  ValuePlan plan;
  plan.value = value;
  plan.placement = table.getPlacement(value);
  if (std::optional<unsigned> node = table.lookup(value.getDefiningOp()))
    plan.reduction = table.getReduction(table.getNode(*node));
  for (OpOperand *use : table.getUses(value)) {
    Placement wanted = getWanted(value, *use);
    if (wanted == plan.placement && !ShardingTable::isSource(value))
      continue;
    auto group = llvm::find_if(plan.groups, [&](const UseGroup &other) {
      return other.wanted == wanted;
    });
    if (group == plan.groups.end()) {
      plan.groups.push_back({std::move(wanted), {}});
      group = std::prev(plan.groups.end());
    }
    group->uses.push_back(use);
  }
  return plan;
}

int64_t Committer::getBytes(Value value, const Placement &from,
                            const Placement &to) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t elementBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  return planner.getPlan(type.getShape(), elementBytes, from, to).bytes;
}

/// The group whose placement all others are resharded from.
size_t Committer::chooseReduced(const ValuePlan &plan) {
  size_t best = 0;
  int64_t bestBytes = std::numeric_limits<int64_t>::max();
  for (auto [index, first] : llvm::enumerate(plan.groups)) {
    int64_t bytes = getBytes(plan.value, plan.placement, first.wanted);
    for (const UseGroup &other : plan.groups)
      bytes += getBytes(plan.value, first.wanted, other.wanted);
    if (bytes < bestBytes) {
      best = index;
      bestBytes = bytes;
    }
  }
  return best;
}

void Committer::setType(const ValuePlan &plan) {
  // Types that were given keep their spelling.
  if (!dist::getSharding(plan.value))
    Value(plan.value)
        .setType(place(plan.value, plan.placement, plan.reduction));
}

Value Committer::insertReshard(Value from, const Placement &wanted,
                               dist::ReductionKind reduction, OpOperand *before,
                               Location loc) {
  OpBuilder builder(before->getOwner());
  RankedTensorType type = place(from, wanted, reduction);
  ++statistics.numReshards;
  statistics.numBytes +=
      planner.getPlan(cast<RankedTensorType>(from.getType()), type).bytes;
  return dist::ReshardOp::create(builder, loc, type, from);
}

void Committer::cloneSource(const ValuePlan &plan) {
  Value value = plan.value;
  if (plan.groups.empty()) {
    setType(plan);
    return;
  }
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  for (auto [index, group] : llvm::enumerate(plan.groups)) {
    Value copy = value;
    if (index > 0)
      copy = builder.clone(*value.getDefiningOp())
                 ->getResult(cast<OpResult>(value).getResultNumber());
    copy.setType(place(value, group.wanted, plan.reduction));
    for (OpOperand *use : group.uses)
      use->set(copy);
  }
}

void Committer::insertReshards(const ValuePlan &plan) {
  Value value = plan.value;
  // Reductions belong to what made the terms, other reshards to their use.
  auto getLoc = [&](const UseGroup &group) {
    return plan.placement.partial.empty()
               ? group.uses.front()->getOwner()->getLoc()
               : value.getLoc();
  };
  bool reduces = plan.placement.partial != flow.getKept(value);
  std::optional<size_t> root;
  if (reduces && plan.groups.size() > 1) {
    root = chooseReduced(plan);
    const UseGroup &group = plan.groups[*root];
    value = insertReshard(value, group.wanted, plan.reduction,
                          plan.groups.front().uses.front(), getLoc(group));
    for (OpOperand *use : group.uses)
      use->set(value);
  }
  for (auto [index, group] : llvm::enumerate(plan.groups)) {
    if (root == index)
      continue;
    Value reshard = insertReshard(value, group.wanted, plan.reduction,
                                  group.uses.front(), getLoc(group));
    for (OpOperand *use : group.uses)
      use->set(reshard);
  }
}

/// A parameter's storage and compute shardings may agree.
static bool isIdentity(Operation &op) {
  return isa<dist::ReshardOp>(op) &&
         op.getOperand(0).getType() == op.getResult(0).getType();
}

CommitResult Committer::run() {
  Block &body = function.getBody().front();
  SmallVector<ValuePlan, 0> plans;
  for (BlockArgument argument : body.getArguments())
    plans.push_back(makePlan(argument));
  for (Operation &op : body)
    for (Value result : op.getResults())
      plans.push_back(makePlan(result));

  for (const ValuePlan &plan : plans)
    if (!ShardingTable::isSource(plan.value))
      setType(plan);
  for (const ValuePlan &plan : plans) {
    if (ShardingTable::isSource(plan.value))
      cloneSource(plan);
    else
      insertReshards(plan);
  }
  for (Operation &op : llvm::make_early_inc_range(body))
    if (isa<dist::ConstraintOp>(op) || isIdentity(op)) {
      op.getResult(0).replaceAllUsesWith(op.getOperand(0));
      op.erase();
    }
  function.setType(FunctionType::get(function.getContext(),
                                     body.getArgumentTypes(),
                                     body.getTerminator()->getOperandTypes()));
  return statistics;
}

CommitResult
mlir::sharding::commitShardings(func::FuncOp function, ShardingTable &table,
                                const PartialFlow &flow,
                                analysis::ReshardPlanner &planner) {
  return Committer(function, table, flow, planner).run();
}
