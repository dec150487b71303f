//===- ChooseTpLayouts.cpp - Layouts that styles do not lead to -----------===//
//
// Propagation follows splits: from an op to the next where a tensor is left on
// the dim on which it is needed. Ops that are connected so, in the plan, form
// components. In one with a split parameter propagation starts by itself. In
// another it does not; if terms are scattered to it, which sends half of what a
// reduction to all would, the plan counts on that, and constraints say it. They
// also hold an op whole that propagation would decompose and the plan does not.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/ChooseTpLayouts.h"
#include "passes/Sharding/ChooseTpDecompose.h"
#include "passes/Sharding/Roles.h"
#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;

namespace {
class Layouts {
public:
  Layouts(func::FuncOp function, const TpProblem &problem,
          const LayoutPlan &plan)
      : terminator(function.getBody().front().getTerminator()),
        problem(problem), plan(plan), states(problem.graph.tensors.size()),
        makers(problem.graph.tensors.size()),
        isNeededWhole(problem.graph.tensors.size()),
        needed(problem.graph.tensors.size()),
        components(problem.graph.ops.size()) {}

  unsigned constrain(dist::MeshAttr mesh);

private:
  const LayoutStrategy &getStrategy(unsigned op) const {
    return problem.graph.ops[op].strategies[plan.strategies[op]];
  }
  /// What stands for a result has no operation.
  Operation *getUser(unsigned op) const {
    return problem.operations[op] ? problem.operations[op] : terminator;
  }
  void connect();
  bool isScatteredTo(unsigned op) const;
  bool scatter(unsigned tensor, unsigned code, Operation *user,
               dist::MeshAttr mesh);
  bool constrain(unsigned tensor, bool gathersResults, dist::MeshAttr mesh);
  bool holdWhole(unsigned op, dist::MeshAttr mesh);
  Value build(OpBuilder &builder, Value value, unsigned tensor,
              std::optional<unsigned> splitDim, dist::MeshAttr mesh) const;

  Operation *terminator;
  const TpProblem &problem;
  const LayoutPlan &plan;
  SmallVector<std::optional<LayoutState>> states;
  SmallVector<unsigned> makers;
  /// Uses that need a tensor whole.
  DenseSet<OpOperand *> wholeUses;
  llvm::SmallBitVector isNeededWhole;
  /// Of every tensor, all ways in which it is needed.
  SmallVector<LayoutNeeds> needed;
  llvm::IntEqClasses components;
  /// By tensor and code of the state.
  DenseMap<std::pair<unsigned, unsigned>, Value> scattered;
};
} // namespace

void Layouts::connect() {
  ArrayRef<LayoutOp> ops = problem.graph.ops;
  for (unsigned op = 0; op < ops.size(); ++op)
    for (auto [tensor, state] :
         llvm::zip_equal(ops[op].results, getStrategy(op).results)) {
      states[tensor] = state;
      makers[tensor] = op;
    }
  for (unsigned op = 0; op < ops.size(); ++op)
    for (auto [tensor, need] :
         llvm::zip_equal(ops[op].operands, getStrategy(op).needs)) {
      needed[tensor] |= need;
      LayoutState state = *states[tensor];
      if (state.isSplit() &&
          (need == needs(state) || need == needsUnscattered(state)))
        components.join(op, makers[tensor]);
      if (need != needs(LayoutState::replicated()))
        continue;
      isNeededWhole.set(tensor);
      for (OpOperand &use : problem.values[tensor].getUses())
        if (use.getOwner() == getUser(op))
          wholeUses.insert(&use);
    }
  components.compress();
}

/// Whether the op needs an operand that is left as terms in blocks.
static bool isScattered(LayoutState left, LayoutNeeds need) {
  return left.isPartial() && need != needs(LayoutState::replicated()) &&
         need != needs(left) && need != needsReduced();
}

bool Layouts::isScatteredTo(unsigned op) const {
  for (auto [tensor, need] :
       llvm::zip_equal(problem.graph.ops[op].operands, getStrategy(op).needs))
    if (isScattered(*states[tensor], need))
      return true;
  return false;
}

/// The batch is data parallelism's, as propagation has it.
Value Layouts::build(OpBuilder &builder, Value value, unsigned tensor,
                     std::optional<unsigned> splitDim,
                     dist::MeshAttr mesh) const {
  auto type = cast<RankedTensorType>(value.getType());
  MLIRContext *context = mesh.getContext();
  auto getAxes = [&](StringRef name) {
    return dist::AxesAttr::get(context,
                               {dist::AxisRefAttr::get(context, name)});
  };
  SmallVector<dist::AxesAttr> dims(type.getRank(),
                                   dist::AxesAttr::get(context, {}));
  if (std::optional<unsigned> dim = problem.batchDims[tensor];
      dim && mesh.getAxisSize(kDataAxis) > 1)
    dims[*dim] = getAxes(kDataAxis);
  if (splitDim)
    dims[*splitDim] = getAxes(kTensorAxis);
  return dist::ConstraintOp::create(builder, value.getLoc(), type, value,
                                    dist::ShardingAttr::get(mesh, dims),
                                    /*chosen=*/true,
                                    /*asked_by=*/nullptr);
}

/// One constraint serves all uses that need the same blocks.
bool Layouts::scatter(unsigned tensor, unsigned code, Operation *user,
                      dist::MeshAttr mesh) {
  Value value = problem.values[tensor];
  Value &blocks = scattered[{tensor, code}];
  bool isNew = !blocks;
  if (isNew) {
    OpBuilder builder(mesh.getContext());
    builder.setInsertionPointAfterValue(value);
    blocks = build(builder, value, tensor, LayoutState::fromCode(code).getDim(),
                   mesh);
  }
  user->replaceUsesOfWith(value, blocks);
  return isNew;
}

/// Blocks for uses that the plan has in blocks, whole for those that it has
/// whole: the split ends where the plan ends it. False if there are none of
/// these. A result that a parameter splits is left as it is.
bool Layouts::constrain(unsigned tensor, bool gathersResults,
                        dist::MeshAttr mesh) {
  Value value = problem.values[tensor];
  SmallVector<OpOperand *> inBlocks, whole;
  for (OpOperand &use : value.getUses()) {
    bool isResult = use.getOwner() == terminator;
    if (wholeUses.contains(&use) && (gathersResults || !isResult))
      whole.push_back(&use);
    else if (!isResult)
      inBlocks.push_back(&use);
  }
  if (whole.empty())
    return false;
  OpBuilder builder(mesh.getContext());
  builder.setInsertionPointAfterValue(value);
  auto blocks = build(builder, value, tensor, states[tensor]->getDim(), mesh);
  for (OpOperand *use : inBlocks)
    use->set(blocks);
  auto gathered = build(builder, blocks, tensor, std::nullopt, mesh);
  for (OpOperand *use : whole)
    use->set(gathered);
  return true;
}

/// An op that runs whole in the plan, although uses of its result need blocks
/// of a dim that it needs whole: slices are free, but propagation would
/// decompose it. The constraint is between them.
bool Layouts::holdWhole(unsigned op, dist::MeshAttr mesh) {
  auto sharded = dyn_cast<dist::ShardingOpInterface>(problem.operations[op]);
  if (!sharded)
    return false;
  OpInfo info = OpInfo::get(sharded);
  auto isWanted = [&](unsigned tensor, const dist::TensorFactors &dims) {
    for (auto [dim, factors] : llvm::enumerate(dims)) {
      std::optional<unsigned> factor = info.getMajorFactor(factors);
      LayoutState split = LayoutState::split(dim);
      if (dim < LayoutState::kMaxDims && factor &&
          info.rule.factors[*factor].kind == dist::Factor::Kind::Whole &&
          !(*states[tensor] == split) &&
          (needed[tensor] & (needs(split) | needsUnscattered(split))))
        return true;
    }
    return false;
  };
  bool isHeld = false;
  for (auto [tensor, dims] :
       llvm::zip_equal(problem.graph.ops[op].results, info.rule.results)) {
    if (!isWanted(tensor, dims) || !canDecompose(sharded))
      continue;
    Value value = problem.values[tensor];
    OpBuilder builder(mesh.getContext());
    builder.setInsertionPointAfterValue(value);
    Value whole = build(builder, value, tensor, std::nullopt, mesh);
    value.replaceAllUsesExcept(whole, whole.getDefiningOp());
    isHeld = true;
  }
  return isHeld;
}

unsigned Layouts::constrain(dist::MeshAttr mesh) {
  connect();
  ArrayRef<LayoutOp> ops = problem.graph.ops;
  llvm::SmallBitVector starts(components.getNumClasses());
  for (unsigned op = 0; op < ops.size(); ++op) {
    bool isParameter =
        ops[op].operands.empty() && problem.operations[op] == nullptr;
    if (isParameter ||
        isa_and_present<dist::ConstraintOp>(problem.operations[op]))
      starts.set(components[op]);
  }
  llvm::SmallBitVector isReached(components.getNumClasses());
  for (unsigned op = 0; op < ops.size(); ++op)
    if (!starts.test(components[op]) && isScatteredTo(op))
      isReached.set(components[op]);

  unsigned count = 0;
  for (unsigned op = 0; op < ops.size(); ++op) {
    if (!problem.operations[op])
      continue;
    // Where a split begins that propagation does not see.
    for (auto [tensor, need] :
         llvm::zip_equal(ops[op].operands, getStrategy(op).needs))
      if (isReached.test(components[op]) && isScattered(*states[tensor], need))
        count += scatter(tensor, llvm::countr_zero(need),
                         problem.operations[op], mesh);
    // Where a split ends.
    for (unsigned tensor : ops[op].results)
      if (states[tensor]->isSplit() && isNeededWhole.test(tensor))
        count += constrain(tensor, isReached.test(components[op]), mesh);
    count += holdWhole(op, mesh);
  }
  return count;
}

unsigned mlir::sharding::constrainLayouts(func::FuncOp function,
                                          const TpProblem &problem,
                                          const LayoutPlan &plan,
                                          dist::MeshAttr mesh) {
  return Layouts(function, problem, plan).constrain(mesh);
}
