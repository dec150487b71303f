//===- ChooseFsdpLayouts.cpp - Where activations move over "dp" -----------===//

#include "passes/Sharding/ChooseFsdpLayouts.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;

/// Of copies only, which nobody prints or verifies.
static constexpr StringLiteral kNumber = "number";

void mlir::sharding::numberOps(func::FuncOp copy) {
  Builder builder(copy.getContext());
  for (auto [index, op] : llvm::enumerate(copy.getBody().front()))
    op.setDiscardableAttr(kNumber, builder.getI64IntegerAttr(index));
}

static std::optional<unsigned> getNumber(Operation *op) {
  auto number =
      dyn_cast_if_present<IntegerAttr>(op->getDiscardableAttr(kNumber));
  if (!number)
    return std::nullopt;
  return number.getInt();
}

namespace {
class MoveFinder {
public:
  MoveFinder(const FsdpProblem &problem, const LayoutPlan &plan,
             const ShardingTable &table, const PartialFlow &flow)
      : problem(problem), plan(plan), table(table), flow(flow),
        isData(table.getAtoms()) {}
  SmallVector<FsdpMove, 0> run();

private:
  dist::ShardingAttr place(Placement placement, LayoutState state) const;
  void addUse(OpOperand &use, unsigned tensor, LayoutState left,
              LayoutState state);

  const FsdpProblem &problem;
  const LayoutPlan &plan;
  const ShardingTable &table;
  const PartialFlow &flow;
  DataAtoms isData;
  SmallVector<FsdpMove, 0> moves;
  /// By tensor and sharding.
  DenseMap<std::pair<unsigned, Attribute>, unsigned> moveOf;
};
} // namespace

/// "dp" as the state has it, minor to the other axes.
dist::ShardingAttr MoveFinder::place(Placement placement,
                                     LayoutState state) const {
  placement = isData.getOthers(std::move(placement));
  placement.partial.clear();
  if (state.isSplit())
    llvm::append_range(placement.dims[state.getDim()], isData.getList());
  return placement.toSharding(table.getAtoms(), dist::ReductionKind::Sum);
}

void MoveFinder::addUse(OpOperand &use, unsigned tensor, LayoutState left,
                        LayoutState state) {
  Value value = problem.values[tensor];
  std::optional<Placement> wanted = table.getWanted(use);
  std::optional<unsigned> user = getNumber(use.getOwner());
  Operation *maker = value.getDefiningOp();
  // Terms over another axis that flow on are not to be reduced here.
  bool flowsOn = llvm::any_of(flow.getKept(value),
                              [&](unsigned atom) { return !isData(atom); });
  if (!wanted || !user || (maker && !getNumber(maker)) || flowsOn ||
      isa<dist::ConstraintOp>(use.getOwner()))
    return;
  dist::ShardingAttr sharding = place(*wanted, state);
  auto [it, isNew] = moveOf.try_emplace({tensor, sharding}, moves.size());
  if (isNew) {
    FsdpMove &move = moves.emplace_back();
    move.wanted = sharding;
    if (maker) {
      move.op = getNumber(maker);
      move.number = cast<OpResult>(value).getResultNumber();
      if (!left.isPartial() && !isa<dist::ConstraintOp>(maker))
        move.left = place(table.getPlacement(value), left);
    } else {
      move.number = cast<BlockArgument>(value).getArgNumber();
    }
  }
  moves[it->second].uses.push_back({*user, use.getOperandNumber()});
}

SmallVector<FsdpMove, 0> MoveFinder::run() {
  SmallVector<LayoutState> left(problem.graph.tensors.size(),
                                LayoutState::replicated());
  auto getStrategy = [&](unsigned op) -> const LayoutStrategy & {
    return problem.graph.ops[op].strategies[plan.strategies[op]];
  };
  for (auto [index, op] : llvm::enumerate(problem.graph.ops))
    for (auto [tensor, state] :
         llvm::zip_equal(op.results, getStrategy(index).results))
      left[tensor] = state;
  for (auto [index, op] : llvm::enumerate(problem.graph.ops)) {
    if (problem.uses[index].empty())
      continue;
    for (auto [tensor, need, use] : llvm::zip_equal(
             op.operands, getStrategy(index).needs, problem.uses[index])) {
      if (problem.isStored.test(tensor) ||
          need >= needsExactly(LayoutState::replicated()) ||
          left[tensor] == LayoutState::replicated())
        continue;
      LayoutState state = LayoutState::fromCode(llvm::countr_zero(need));
      if (!state.isPartial() && !(state == left[tensor]))
        addUse(*use, tensor, left[tensor], state);
    }
  }
  return std::move(moves);
}

SmallVector<FsdpMove, 0> mlir::sharding::findMoves(const FsdpProblem &problem,
                                                   const LayoutPlan &plan,
                                                   const ShardingTable &table,
                                                   const PartialFlow &flow) {
  return MoveFinder(problem, plan, table, flow).run();
}

void mlir::sharding::constrainMoves(func::FuncOp function,
                                    ArrayRef<FsdpMove> moves) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front())
    ops.push_back(&op);
  OpBuilder builder(function.getContext());
  for (const FsdpMove &move : moves) {
    Value value = move.op ? Value(ops[*move.op]->getResult(move.number))
                          : Value(function.getArgument(move.number));
    builder.setInsertionPointAfterValue(value);
    for (dist::ShardingAttr sharding : {move.left, move.wanted})
      if (sharding)
        value = dist::ConstraintOp::create(builder, value.getLoc(),
                                           value.getType(), value, sharding,
                                           /*chosen=*/true,
                                           /*asked_by=*/nullptr);
    for (auto [op, operand] : move.uses)
      ops[op]->setOperand(operand, value);
  }
}
