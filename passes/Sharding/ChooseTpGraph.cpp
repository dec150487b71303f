//===- ChooseTpGraph.cpp - A function as the layout search sees it --------===//
//
// First facts that hold for the whole function are found: which dims are of the
// batch, and which come from a parameter of one dim. Then ops are added in
// search order.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/ChooseTpGraph.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/ChooseTpDecompose.h"
#include "passes/Sharding/ChooseTpFacts.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/SearchOrder.h"
#include "passes/Sharding/ShardingTable.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;
using mlir::dist::Factor;
using mlir::fabric::FabricDialect;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {
class GraphBuilder {
public:
  GraphBuilder(func::FuncOp function, dist::MeshAttr mesh)
      : function(function), axisSize(mesh.getAxisSize(kTensorAxis)),
        batch(axisSize, std::max<int64_t>(mesh.getAxisSize(kDataAxis), 1)) {
    problem.graph.axisSize = axisSize;
  }

  TpProblem run();

private:
  void markBatch();
  void markSmall(const OpInfo &info);
  void markTerms(const OpInfo &info);

  std::optional<unsigned> getTensor(Value value);
  void addTensor(Value value, LayoutTensor tensor);
  void addNode(LayoutOp op, Operation *operation, int64_t wholeFlops);
  void addArgument(BlockArgument argument);
  bool isMovable(Operation *maker);

  std::optional<LayoutStates> splitBy(const OpInfo &info,
                                      unsigned factor) const;
  bool isOffered(const OpInfo &info, unsigned factor) const;
  bool isSmall(const OpInfo &info, unsigned operand, unsigned factor) const;
  bool addsSmall(const OpInfo &info, unsigned factor) const;
  void addDecomposed(const OpInfo &info, LayoutOp &op, unsigned factor);

  /// How a sum with something that comes from parameters of one dim is split.
  enum class Bias {
    None,
    /// Both operands are split already.
    Follows,
    /// A whole bias is sliced; the other operand may be scattered.
    IsSliced,
  };
  bool addStrategy(const OpInfo &info, LayoutOp &op,
                   ArrayRef<LayoutState> states, std::optional<unsigned> factor,
                   Bias bias = Bias::None);
  LayoutNeeds getNeeds(const OpInfo &info, unsigned operand, LayoutState state,
                       Bias bias, std::optional<unsigned> factor) const;
  void addOp(const OpInfo &info);
  void addConstraint(dist::ConstraintOp op);
  void addResult(Value value, unsigned index);

  func::FuncOp function;
  int64_t axisSize;
  TpProblem problem;
  DenseMap<Value, unsigned> tensors;
  DenseMap<Value, unsigned> parameterOf;
  SmallVector<OpInfo, 0> infos;
  /// Dims of the batch: they are not this axis's to split.
  BatchFacts batch;
  /// Dims that come from parameters of one dim and nothing else.
  DimMarks small;
  /// Values that some choice leaves as terms.
  DenseSet<Value> terms;
};
} // namespace

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

/// From inputs to a fixed point: forward, and backward for gradients that start
/// from a constant. One round finds nearly everything.
void GraphBuilder::markBatch() {
  for (BlockArgument argument : function.getArguments()) {
    auto input = function.getArgAttrOfType<fabric::InputAttr>(
        argument.getArgNumber(), FabricDialect::kInputAttr);
    if (input && input.getBatchDim() >= 0 &&
        input.getBatchDim() < getType(argument).getRank())
      batch.mark(argument, input.getBatchDim());
  }
  bool changed = true;
  while (changed) {
    changed = false;
    for (const OpInfo &info : infos)
      changed |= batch.mark(info);
    for (const OpInfo &info : llvm::reverse(infos))
      changed |= batch.mark(info);
  }
}

void GraphBuilder::markSmall(const OpInfo &info) {
  bool isSmall = true;
  for (Value operand : info.op->getOperands())
    isSmall &= small.hasAny(operand) || ShardingTable::isSource(operand);
  if (!isSmall)
    return;
  for (unsigned factor = 0; factor < info.rule.factors.size(); ++factor) {
    auto isLed = [&](unsigned index, unsigned dim) {
      return info.getMajorFactor(info.tensors[index][dim]) == factor;
    };
    bool isMarked = false;
    for (unsigned index = 0; index < info.numOperands; ++index)
      for (unsigned dim = 0; dim < info.tensors[index].size(); ++dim)
        isMarked |= isLed(index, dim) && small.has(info.values[index], dim);
    for (unsigned index = info.numOperands; index < info.values.size(); ++index)
      for (unsigned dim = 0; dim < info.tensors[index].size(); ++dim)
        if (isMarked && isLed(index, dim))
          small.set(info.values[index], dim);
  }
}

/// Without this the search would go on betting on gradients that come as terms.
void GraphBuilder::markTerms(const OpInfo &info) {
  if (canLeaveTerms(
          info.rule,
          [&](unsigned factor) { return splitBy(info, factor).has_value(); },
          [&](unsigned operand) {
            return terms.contains(info.values[operand]);
          }))
    terms.insert_range(info.op->getResults());
}

//===----------------------------------------------------------------------===//
// Tensors and arguments
//===----------------------------------------------------------------------===//

void GraphBuilder::addTensor(Value value, LayoutTensor tensor) {
  tensors[value] = problem.graph.tensors.size();
  problem.graph.tensors.push_back(tensor);
  problem.values.push_back(value);
  problem.batchDims.push_back(batch.getBatchDim(value));
}

void GraphBuilder::addNode(LayoutOp op, Operation *operation,
                           int64_t wholeFlops) {
  problem.graph.ops.push_back(std::move(op));
  problem.operations.push_back(operation);
  problem.wholeFlops.push_back(wholeFlops);
}

/// Inputs, scalars and constants are replicated, which serves every need: they
/// are no tensors of the graph.
std::optional<unsigned> GraphBuilder::getTensor(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (!tensors.contains(value))
      addArgument(argument);
  auto it = tensors.find(value);
  if (it == tensors.end())
    return std::nullopt;
  return it->second;
}

/// A parameter, or a state, which its updates keep where the parameter is.
void GraphBuilder::addArgument(BlockArgument argument) {
  unsigned index = argument.getArgNumber();
  bool isParameter =
      bool(function.getArgAttr(index, FabricDialect::kParamAttr));
  if (!isParameter && !function.getArgAttr(index, FabricDialect::kStateAttr))
    return;
  RankedTensorType type = getType(argument);
  int64_t bytes = fabric::getNumBytes(type);
  auto given = function.getArgAttrOfType<dist::TpStyleAttr>(
      index, dist::DistDialect::kTpAttr);

  TpParameter parameter;
  parameter.argument = index;
  parameter.op = problem.graph.ops.size();
  parameter.isGiven = bool(given);
  LayoutOp op;
  op.results.push_back(problem.graph.tensors.size());
  auto addStyle = [&](dist::TpStyle style) {
    std::optional<unsigned> dim = getTpDim(style, type.getRank());
    // A given style that does not fit is refused where storage is assigned.
    if (dim && type.getDimSize(*dim) % axisSize != 0)
      dim = std::nullopt;
    LayoutStrategy &strategy = op.strategies.emplace_back();
    strategy.results.push_back(dim ? LayoutState::split(*dim)
                                   : LayoutState::replicated());
    if (isParameter && type.getRank() >= 2)
      strategy.cost.weightBytes = dim ? bytes / axisSize : bytes;
    parameter.styles.push_back(style);
  };
  auto fits = [&](dist::TpStyle style) {
    std::optional<unsigned> dim = getTpDim(style, type.getRank());
    return dim && type.getDimSize(*dim) % axisSize == 0;
  };
  if (given) {
    addStyle(given.getValue());
  } else {
    for (dist::TpStyle style : {dist::TpStyle::Colwise, dist::TpStyle::Rowwise})
      if (fits(style))
        addStyle(style);
    addStyle(dist::TpStyle::Replicate);
  }
  addTensor(argument, {bytes, /*movable=*/parameter.isGiven});
  addNode(std::move(op), nullptr, 0);
  if (isParameter) {
    parameterOf[argument] = problem.parameters.size();
    problem.parameters.push_back(std::move(parameter));
  }
}

/// What is made of a parameter at rest is computed with as the parameter's
/// style says, like the parameter.
bool GraphBuilder::isMovable(Operation *maker) {
  std::optional<unsigned> argument = getArgumentAtRest(maker);
  return !argument || !isa<BlockArgument>(maker->getOperand(0)) ||
         function.getArgAttr(*argument, dist::DistDialect::kTpAttr);
}

//===----------------------------------------------------------------------===//
// Strategies
//===----------------------------------------------------------------------===//

bool GraphBuilder::isOffered(const OpInfo &info, unsigned factor) const {
  const Factor &f = info.rule.factors[factor];
  if (!canSplit(f, f.size, axisSize))
    return false;
  // Data parallelism splits the batch. What updates in place has none.
  return isa<fabric::InPlaceOpInterface>(info.op) ||
         !batch.isOfBatch(info, factor);
}

/// The state of every tensor of the op if the axis splits the factor.
std::optional<LayoutStates> GraphBuilder::splitBy(const OpInfo &info,
                                                  unsigned factor) const {
  if (!isOffered(info, factor))
    return std::nullopt;
  return info.splitBy(factor);
}

/// Whether the factor would split a dim of the operand that comes from
/// parameters of one dim.
bool GraphBuilder::isSmall(const OpInfo &info, unsigned operand,
                           unsigned factor) const {
  for (auto [dim, factors] : llvm::enumerate(info.tensors[operand]))
    if (info.getMajorFactor(factors) == factor &&
        small.has(info.values[operand], dim))
      return true;
  return false;
}

/// Whether the factor would split a sum of such an operand and another.
bool GraphBuilder::addsSmall(const OpInfo &info, unsigned factor) const {
  return llvm::any_of(info.rule.linearGroups, [&](ArrayRef<unsigned> group) {
    auto isSmallOperand = [&](unsigned operand) {
      return isSmall(info, operand, factor);
    };
    return llvm::any_of(group, isSmallOperand) &&
           !llvm::all_of(group, isSmallOperand);
  });
}

LayoutNeeds GraphBuilder::getNeeds(const OpInfo &info, unsigned operand,
                                   LayoutState state, Bias bias,
                                   std::optional<unsigned> factor) const {
  if (getUpdatedArgument(info.op->getOpOperand(operand)))
    return needsExactly(state);
  if (bias == Bias::Follows && state.isSplit() &&
      !isSmall(info, operand, *factor))
    return needsUnscattered(state);
  if (bias == Bias::IsSliced && isSmall(info, operand, *factor))
    return needs(LayoutState::replicated());
  return needs(state);
}

bool GraphBuilder::addStrategy(const OpInfo &info, LayoutOp &op,
                               ArrayRef<LayoutState> states,
                               std::optional<unsigned> factor, Bias bias) {
  LayoutStrategy strategy;
  for (auto [index, value] : llvm::enumerate(info.values)) {
    if (index >= info.numOperands) {
      strategy.results.push_back(states[index]);
      continue;
    }
    if (getTensor(value))
      strategy.needs.push_back(
          getNeeds(info, index, states[index], bias, factor));
    else if (states[index].isPartial())
      return false;
  }
  strategy.cost = batch.getCost(info, states, factor.has_value());
  op.strategies.push_back(std::move(strategy));
  return true;
}

/// What the op stands for, split by a factor that the op needs whole:
/// propagation decomposes it where the factor is split around it.
void GraphBuilder::addDecomposed(const OpInfo &info, LayoutOp &op,
                                 unsigned factor) {
  const Factor &f = info.rule.factors[factor];
  if (f.kind != Factor::Kind::Whole || f.size % axisSize != 0 || f.size == 0 ||
      batch.isOfBatch(info, factor))
    return;
  std::optional<LayoutStates> states = info.splitBy(factor);
  if (!states)
    return;
  std::optional<LayoutTotals> totals =
      getCostOfDecomposed(batch, info, *states);
  if (!totals || !addStrategy(info, op, *states, factor))
    return;
  op.strategies.back().cost = totals->cost;
  op.strategies.back().sentBytes = totals->sentBytes;
}

void GraphBuilder::addOp(const OpInfo &info) {
  LayoutOp op;
  SmallVector<unsigned> parameters;
  for (Value operand : info.op->getOperands()) {
    if (std::optional<unsigned> tensor = getTensor(operand))
      op.operands.push_back(*tensor);
    if (auto it = parameterOf.find(operand); it != parameterOf.end())
      parameters.push_back(it->second);
  }
  for (Value result : info.op->getResults())
    op.results.push_back(tensors.at(result));

  LayoutStates whole(info.values.size(), LayoutState::replicated());
  int64_t wholeFlops = batch.getCost(info, whole, /*isSplit=*/false).flops;
  for (unsigned factor = 0; factor < info.rule.factors.size(); ++factor)
    if (auto states = splitBy(info, factor)) {
      if (addsSmall(info, factor)) {
        addStrategy(info, op, *states, factor, Bias::Follows);
        addStrategy(info, op, *states, factor, Bias::IsSliced);
      } else {
        addStrategy(info, op, *states, factor);
      }
    } else {
      addDecomposed(info, op, factor);
    }
  // A product that can be split is: FLOPs come first.
  if (wholeFlops == 0 || op.strategies.empty()) {
    for (const LayoutStates &states :
         passTerms(info.rule, [&](unsigned operand) {
           return terms.contains(info.values[operand]);
         }))
      addStrategy(info, op, states, std::nullopt);
    addStrategy(info, op, whole, std::nullopt);
  }

  if (getArgumentAtRest(info.op) && !parameters.empty())
    parameterOf[info.op->getResult(0)] = parameters.front();
  if (wholeFlops > 0)
    for (unsigned parameter : parameters)
      problem.parameters[parameter].products.push_back(
          problem.graph.ops.size());
  addNode(std::move(op), info.op, wholeFlops);
}

/// Leaves the value as the user says.
void GraphBuilder::addConstraint(dist::ConstraintOp op) {
  std::optional<unsigned> splitDim;
  for (auto [dim, axes] : llvm::enumerate(op.getSharding().getDims()))
    for (dist::AxisRefAttr axis : axes.getRefs())
      if (axis.getName() == kTensorAxis && !axis.isSubAxis() &&
          dim < LayoutState::kMaxDims)
        splitDim = dim;
  LayoutState state =
      splitDim ? LayoutState::split(*splitDim) : LayoutState::replicated();
  LayoutOp node;
  LayoutStrategy strategy;
  if (std::optional<unsigned> tensor = getTensor(op.getOperand())) {
    node.operands.push_back(*tensor);
    strategy.needs.push_back(needs(state));
  }
  node.results.push_back(tensors.at(op.getResult()));
  strategy.results.push_back(state);
  node.strategies.push_back(std::move(strategy));
  addNode(std::move(node), op, 0);
}

/// A result with a name is for people and files, who want it whole, unless they
/// say how; gradients and updates are left as they are stored. Stands right
/// after the value's op, so that it need not stay live.
void GraphBuilder::addResult(Value value, unsigned index) {
  bool isStored = isa_and_present<dist::ConstraintOp>(value.getDefiningOp()) ||
                  function.getResultAttr(index, FabricDialect::kUpdateOfAttr) ||
                  function.getResultAttr(index, FabricDialect::kGradientOfAttr);
  LayoutOp op;
  op.operands.push_back(tensors.at(value));
  op.strategies.emplace_back().needs.push_back(
      isStored ? needsReduced() : needs(LayoutState::replicated()));
  addNode(std::move(op), nullptr, 0);
}

TpProblem GraphBuilder::run() {
  SmallVector<Operation *> order = getSearchOrder(function);
  Block &block = function.getBody().front();
  // Facts are found in program order.
  for (Operation &op : block.without_terminator())
    if (op.getNumOperands() > 0)
      infos.push_back(OpInfo::get(&op));
  markBatch();
  for (BlockArgument argument : function.getArguments())
    if (getType(argument).getRank() == 1 &&
        function.getArgAttr(argument.getArgNumber(), FabricDialect::kParamAttr))
      small.set(argument, 0);
  DenseMap<Operation *, OpInfo *> infoOf;
  for (OpInfo &info : infos) {
    markSmall(info);
    markTerms(info);
    infoOf[info.op] = &info;
  }

  // Users may come before makers.
  for (const OpInfo &info : infos)
    for (Value result : info.op->getResults())
      addTensor(result, {batch.getBytes(result), isMovable(info.op)});
  for (Operation *op : order) {
    OpInfo *info = infoOf.lookup(op);
    if (!info)
      continue;
    if (auto constraint = dyn_cast<dist::ConstraintOp>(op))
      addConstraint(constraint);
    else
      addOp(*info);
    for (Value result : op->getResults())
      for (OpOperand &use : result.getUses())
        if (use.getOwner() == block.getTerminator())
          addResult(result, use.getOperandNumber());
  }
  // Parameters that nothing reads are stored all the same.
  for (BlockArgument argument : function.getArguments())
    getTensor(argument);
  llvm::sort(problem.parameters,
             [](const TpParameter &a, const TpParameter &b) {
               return a.argument < b.argument;
             });
  return std::move(problem);
}

TpProblem mlir::sharding::buildTpProblem(func::FuncOp function,
                                         dist::MeshAttr mesh) {
  return GraphBuilder(function, mesh).run();
}
