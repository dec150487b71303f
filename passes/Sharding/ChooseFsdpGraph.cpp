//===- ChooseFsdpGraph.cpp - What may be split over "dp" ------------------===//

#include "passes/Sharding/ChooseFsdpGraph.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/SearchOrder.h"
#include "passes/Sharding/Strategies.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;
using mlir::fabric::FabricDialect;

DataAtoms::DataAtoms(const dist::MeshAtoms &atoms)
    : list(atoms.getAtoms(
          dist::AxisRefAttr::get(atoms.getMesh().getContext(), kDataAxis))) {}

Placement DataAtoms::getOthers(Placement placement) const {
  for (AtomList &dim : placement.dims)
    llvm::erase_if(dim, *this);
  llvm::erase_if(placement.partial, *this);
  return placement;
}

namespace {
class GraphBuilder {
public:
  GraphBuilder(func::FuncOp function, const ShardingTable &table,
               const PartialFlow &flow, ReshardPlanner &planner)
      : function(function), table(table), flow(flow), planner(planner),
        block(function.getBody().front()), isData(table.getAtoms()),
        dataSize(table.getAtoms().getMesh().getAxisSize(kDataAxis)) {
    problem.graph.axisSize = dataSize;
  }

  FsdpProblem run();

private:
  int64_t getOtherParts(ArrayRef<unsigned> list) const;
  SmallVector<int64_t> getShape(Value value) const;
  int64_t getBytes(Value value) const;
  int64_t getOtherTraffic(Value value) const;
  LayoutState getGivenState(Value value) const;
  SmallVector<unsigned> getDivisibleDims(Value value) const;
  bool isOpen(unsigned argument);

  void addTensor(Value value);
  std::optional<unsigned> getTensor(Value value);
  void addArgument(BlockArgument argument);
  void addOp(LayoutOp op, Operation *operation = nullptr);

  std::optional<LayoutStates> splitBy(const Node &node, unsigned factor) const;
  void markTerms(const Node &node);
  LayoutCost getCost(Operation *op, ArrayRef<LayoutState> states) const;
  void addStrategy(LayoutOp &graphOp, Operation *op,
                   ArrayRef<LayoutState> states);
  void addNode(const Node &node);
  void addAtRest(Operation *op, BlockArgument parameter);
  void addReshard(dist::ReshardOp op);
  void addConstraint(dist::ConstraintOp op);
  void addGivenState(Operation *op, LayoutState state);
  void addResult(Value value, unsigned index);

  func::FuncOp function;
  const ShardingTable &table;
  const PartialFlow &flow;
  ReshardPlanner &planner;
  Block &block;
  DataAtoms isData;
  int64_t dataSize;
  FsdpProblem problem;
  DenseMap<Value, unsigned> tensors;
  /// Of open parameters, by argument and by name.
  DenseMap<unsigned, unsigned> parameterOf;
  llvm::StringMap<unsigned> argumentOf;
  DenseMap<Operation *, unsigned> constraintOps;
  /// Values that some choice leaves as terms.
  DenseSet<Value> terms;
};
} // namespace

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// What the other axes leave
//===----------------------------------------------------------------------===//

int64_t GraphBuilder::getOtherParts(ArrayRef<unsigned> list) const {
  int64_t parts = 1;
  for (unsigned atom : list)
    if (!isData(atom))
      parts *= table.getAtoms().getSize(atom);
  return parts;
}

/// Of one rank, were the value not split over "dp".
SmallVector<int64_t> GraphBuilder::getShape(Value value) const {
  SmallVector<int64_t> shape(getType(value).getShape());
  for (auto [size, list] :
       llvm::zip_equal(shape, table.getPlacement(value).dims))
    size /= getOtherParts(list);
  return shape;
}

int64_t GraphBuilder::getBytes(Value value) const {
  int64_t parts = 1;
  for (const AtomList &list : table.getPlacement(value).dims)
    parts *= getOtherParts(list);
  return fabric::getNumBytes(getType(value)) / parts;
}

/// What a rank sends for the value over the other axes, were it not split.
int64_t GraphBuilder::getOtherTraffic(Value value) const {
  Placement from = isData.getOthers(table.getPlacement(value));
  int64_t elementBytes =
      llvm::divideCeil(getType(value).getElementTypeBitWidth(), 8);
  SmallVector<Placement> paid{from};
  int64_t bytes = 0;
  for (OpOperand *use : table.getUses(value)) {
    std::optional<Placement> wanted = table.getWanted(*use);
    Placement to = wanted ? isData.getOthers(*wanted) : from;
    to.partial.clear();
    for (unsigned atom : flow.getKept(value))
      if (wanted && !isData(atom))
        to.partial.push_back(atom);
    if (llvm::is_contained(paid, to))
      continue;
    bytes += planner.getPlan(getType(value).getShape(), elementBytes, from, to)
                 .bytes;
    paid.push_back(std::move(to));
  }
  return bytes;
}

LayoutState GraphBuilder::getGivenState(Value value) const {
  for (auto [dim, list] : llvm::enumerate(table.getPlacement(value).dims))
    if (dim < LayoutState::kMaxDims &&
        llvm::any_of(list, [&](unsigned atom) { return isData(atom); }))
      return LayoutState::split(dim);
  return LayoutState::replicated();
}

SmallVector<unsigned> GraphBuilder::getDivisibleDims(Value value) const {
  SmallVector<unsigned> dims;
  for (auto [dim, size] : llvm::enumerate(getShape(value)))
    if (dim < LayoutState::kMaxDims && size % dataSize == 0)
      dims.push_back(dim);
  return dims;
}

//===----------------------------------------------------------------------===//
// Tensors and arguments
//===----------------------------------------------------------------------===//

bool GraphBuilder::isOpen(unsigned argument) {
  return function.getArgAttr(argument, FabricDialect::kParamAttr) &&
         !function.getArgAttr(argument, dist::DistDialect::kFsdpAttr) &&
         !getDivisibleDims(function.getArgument(argument)).empty();
}

void GraphBuilder::addTensor(Value value) {
  tensors[value] = problem.graph.tensors.size();
  problem.graph.tensors.push_back({getBytes(value), /*movable=*/true});
  problem.values.push_back(value);
}

/// What is replicated and without operands serves every need: it is no tensor
/// of the graph. Arguments and reshards join it at their first use, so that no
/// layer's are live in the search of the layers before it.
std::optional<unsigned> GraphBuilder::getTensor(Value value) {
  if (!tensors.contains(value)) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      addArgument(argument);
    else if (auto reshard = value.getDefiningOp<dist::ReshardOp>())
      addReshard(reshard);
  }
  auto it = tensors.find(value);
  if (it == tensors.end())
    return std::nullopt;
  return it->second;
}

void GraphBuilder::addOp(LayoutOp op, Operation *operation) {
  SmallVector<OpOperand *, 4> uses;
  if (operation)
    for (OpOperand &use : operation->getOpOperands())
      if (getTensor(use.get()))
        uses.push_back(&use);
  problem.graph.ops.push_back(std::move(op));
  problem.uses.push_back(std::move(uses));
}

void GraphBuilder::addArgument(BlockArgument argument) {
  unsigned index = argument.getArgNumber();
  unsigned owner = index;
  auto state = function.getArgAttrOfType<fabric::StateAttr>(
      index, FabricDialect::kStateAttr);
  if (state)
    owner = argumentOf.lookup(state.getParam().getValue());
  bool open = isOpen(owner);
  LayoutState given = getGivenState(argument);
  if (!open && given == LayoutState::replicated())
    return;

  LayoutOp op;
  unsigned tensor = problem.graph.tensors.size();
  op.results.push_back(tensor);
  auto addState = [&](LayoutState state) {
    op.strategies.emplace_back().results.push_back(state);
  };
  SmallVector<unsigned> dims;
  if (open)
    dims = getDivisibleDims(argument);
  for (unsigned dim : dims)
    addState(LayoutState::split(dim));
  if (!open)
    addState(given);
  addTensor(argument);
  if (open && owner == index) {
    parameterOf[index] = problem.parameters.size();
    problem.parameters.push_back({index,
                                  unsigned(problem.graph.ops.size()),
                                  tensor,
                                  dims,
                                  {},
                                  false,
                                  {}});
  }
  addOp(std::move(op));
}

//===----------------------------------------------------------------------===//
// Strategies
//===----------------------------------------------------------------------===//

/// The state of every tensor of the op if "dp" splits the factor.
std::optional<LayoutStates> GraphBuilder::splitBy(const Node &node,
                                                  unsigned factor) const {
  auto getSize = [&](unsigned other) {
    return node.rule.factors[other].size / getOtherParts(node.factors[other]);
  };
  if (!canSplit(node.rule.factors[factor], getSize(factor), dataSize))
    return std::nullopt;
  return sharding::splitBy(node.rule, factor, getSize);
}

void GraphBuilder::markTerms(const Node &node) {
  if (canLeaveTerms(
          node.rule,
          [&](unsigned factor) { return splitBy(node, factor).has_value(); },
          [&](unsigned operand) {
            return terms.contains(node.op->getOperand(operand));
          }))
    terms.insert_range(node.op->getResults());
}

/// Products are split as finely by every strategy that is offered: bytes count,
/// those that other axes send included.
LayoutCost GraphBuilder::getCost(Operation *op,
                                 ArrayRef<LayoutState> states) const {
  LayoutCost cost;
  int64_t local = 0, global = 0;
  unsigned index = 0;
  auto addTouched = [&](Value value) {
    int64_t bytes = getBytes(value);
    local += states[index].isSplit() ? bytes / dataSize : bytes;
    global += fabric::getNumBytes(getType(value));
    ++index;
  };
  llvm::for_each(op->getOperands(), addTouched);
  for (Value result : op->getResults()) {
    int64_t traffic = 32 * getOtherTraffic(result);
    cost.traffic += states[index].isSplit() ? traffic / dataSize : traffic;
    addTouched(result);
  }
  auto model = dyn_cast<fabric::CostOpInterface>(op);
  if (model && model.getContractionFlops() > 0)
    return cost;
  cost.traffic += getBytesTouched(op, local, global);
  return cost;
}

void GraphBuilder::addStrategy(LayoutOp &graphOp, Operation *op,
                               ArrayRef<LayoutState> states) {
  LayoutStrategy strategy;
  for (OpOperand &use : op->getOpOperands()) {
    LayoutState state = states[use.getOperandNumber()];
    if (getTensor(use.get()))
      strategy.needs.push_back(getUpdatedArgument(use) ? needsExactly(state)
                                                       : needs(state));
    else if (state.isPartial())
      return;
  }
  llvm::append_range(strategy.results, states.drop_front(op->getNumOperands()));
  strategy.cost = getCost(op, states);
  graphOp.strategies.push_back(std::move(strategy));
}

void GraphBuilder::addNode(const Node &node) {
  LayoutOp op;
  for (Value operand : node.op->getOperands())
    if (std::optional<unsigned> tensor = getTensor(operand))
      op.operands.push_back(*tensor);
  for (Value result : node.op->getResults())
    op.results.push_back(tensors.at(result));

  for (unsigned factor = 0; factor < node.rule.factors.size(); ++factor)
    if (auto states = splitBy(node, factor))
      addStrategy(op, node.op, *states);
  // A product that "dp" splits if all is gathered stays split.
  auto model = dyn_cast<fabric::CostOpInterface>(node.op);
  bool isSplit = llvm::any_of(node.factors, [&](const AtomList &list) {
    return llvm::any_of(list, [&](unsigned atom) { return isData(atom); });
  });
  if (!isSplit || !model || model.getContractionFlops() == 0 ||
      op.strategies.empty()) {
    for (const LayoutStates &states :
         passTerms(node.rule, [&](unsigned operand) {
           return terms.contains(node.op->getOperand(operand));
         }))
      addStrategy(op, node.op, states);
    LayoutStates whole(node.op->getNumOperands() + node.op->getNumResults(),
                       LayoutState::replicated());
    addStrategy(op, node.op, whole);
  }

  // Where a parameter is updated, its gradient is what is no argument.
  for (OpOperand &use : node.op->getOpOperands())
    if (getUpdatedArgument(use))
      if (auto it =
              parameterOf.find(cast<BlockArgument>(use.get()).getArgNumber());
          it != parameterOf.end())
        for (Value operand : node.op->getOperands())
          if (operand.getDefiningOp() && getTensor(operand)) {
            problem.parameters[it->second].gradient = getTensor(operand);
            problem.parameters[it->second].isUpdated = true;
          }
  addOp(std::move(op), node.op);
}

/// A cast at rest is split as the parameter is stored: of the parameter itself,
/// which does not move for it, or of its gradient, which does.
void GraphBuilder::addAtRest(Operation *op, BlockArgument parameter) {
  Value operand = op->getOperand(0), result = op->getResult(0);
  bool isOfParameter = operand == parameter;
  bool open = isOpen(parameter.getArgNumber());
  getTensor(parameter);
  std::optional<unsigned> tensor = getTensor(operand);
  LayoutOp node;
  if (tensor)
    node.operands.push_back(*tensor);
  node.results.push_back(tensors.at(result));
  auto add = [&](LayoutState state) {
    LayoutStrategy &strategy = node.strategies.emplace_back();
    if (tensor)
      strategy.needs.push_back(isOfParameter ? needsExactly(state)
                                             : needs(state));
    strategy.results.push_back(state);
    strategy.cost = getCost(op, {state, state});
  };
  if (!open)
    add(getGivenState(parameter));
  else
    for (unsigned dim : getDivisibleDims(parameter))
      add(LayoutState::split(dim));
  if (open && isOfParameter)
    problem.parameters[parameterOf.at(parameter.getArgNumber())]
        .copies.push_back(tensors.at(result));
  addOp(std::move(node), op);
}

/// An op that leaves its one result so, and needs its operand so.
void GraphBuilder::addGivenState(Operation *op, LayoutState state) {
  LayoutOp node;
  LayoutStrategy &strategy = node.strategies.emplace_back();
  if (std::optional<unsigned> tensor = getTensor(op->getOperand(0))) {
    node.operands.push_back(*tensor);
    strategy.needs.push_back(needs(state));
  }
  node.results.push_back(tensors.at(op->getResult(0)));
  strategy.results.push_back(state);
  addOp(std::move(node));
}

/// From storage to compute: where that is open, what the uses need decides.
void GraphBuilder::addReshard(dist::ReshardOp op) {
  Value source = op.getOperand();
  if (Operation *maker = source.getDefiningOp();
      maker && getArgumentAtRest(maker))
    source = maker->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(source);
  unsigned owner = argument ? argument.getArgNumber() : 0;
  if (argument)
    if (auto state = function.getArgAttrOfType<fabric::StateAttr>(
            owner, FabricDialect::kStateAttr))
      owner = argumentOf.lookup(state.getParam().getValue());
  if (argument && isOpen(owner)) {
    tensors[op.getResult()] = *getTensor(op.getOperand());
    return;
  }
  addTensor(op.getResult());
  addGivenState(op, getGivenState(op.getResult()));
}

/// What the user says holds; what was chosen for another axis may be left in
/// any blocks.
void GraphBuilder::addConstraint(dist::ConstraintOp op) {
  constraintOps[op] = problem.graph.ops.size();
  if (!op.getChosen())
    return addGivenState(op, getGivenState(op.getResult()));
  LayoutOp node;
  if (std::optional<unsigned> tensor = getTensor(op.getOperand()))
    node.operands.push_back(*tensor);
  node.results.push_back(tensors.at(op.getResult()));
  for (unsigned dim : getDivisibleDims(op.getResult()))
    addStrategy(node, op, {LayoutState::split(dim), LayoutState::split(dim)});
  addStrategy(node, op, {LayoutState::replicated(), LayoutState::replicated()});
  addOp(std::move(node), op);
}

/// Results are left where the last op leaves them, as propagation has it.
/// Stands right after that op, so that the value need not stay live.
void GraphBuilder::addResult(Value value, unsigned index) {
  if (auto of = function.getResultAttrOfType<IntegerAttr>(
          index, FabricDialect::kGradientOfAttr))
    if (auto it = parameterOf.find(of.getInt()); it != parameterOf.end())
      problem.parameters[it->second].gradient = getTensor(value);
  LayoutOp op;
  op.operands.push_back(tensors.at(value));
  op.strategies.emplace_back().needs.push_back(needsReduced());
  addOp(std::move(op));
}

FsdpProblem GraphBuilder::run() {
  for (BlockArgument argument : function.getArguments())
    if (auto param = function.getArgAttrOfType<fabric::ParamAttr>(
            argument.getArgNumber(), FabricDialect::kParamAttr))
      argumentOf[param.getName().getValue()] = argument.getArgNumber();
  for (const Node &node : table.getNodes())
    markTerms(node);

  // Users may come before makers.
  for (Operation &op : block.without_terminator())
    if (op.getNumOperands() > 0 && !isa<dist::ReshardOp>(op))
      for (Value result : op.getResults())
        addTensor(result);
  for (Operation *op : getSearchOrder(function)) {
    if (auto constraint = dyn_cast<dist::ConstraintOp>(op))
      addConstraint(constraint);
    else if (auto reshard = dyn_cast<dist::ReshardOp>(op))
      getTensor(reshard.getResult());
    else if (std::optional<unsigned> argument = getArgumentAtRest(op))
      addAtRest(op, function.getArgument(*argument));
    else if (std::optional<unsigned> node = table.lookup(op))
      addNode(table.getNode(*node));
    for (Value result : op->getResults())
      if (tensors.contains(result))
        for (OpOperand &use : result.getUses())
          if (use.getOwner() == block.getTerminator())
            addResult(result, use.getOperandNumber());
  }
  for (auto constraint : block.getOps<dist::ConstraintOp>())
    if (constraint.getChosen())
      problem.chosenConstraints.push_back(constraintOps.at(constraint));
  problem.isStored.resize(problem.graph.tensors.size());
  for (BlockArgument argument : function.getArguments())
    if (auto it = tensors.find(argument); it != tensors.end())
      problem.isStored[it->second] = !function.getArgAttr(
          argument.getArgNumber(), FabricDialect::kInputAttr);
  for (const FsdpParameter &parameter : problem.parameters)
    for (unsigned copy : parameter.copies)
      problem.isStored.set(copy);
  llvm::sort(problem.parameters,
             [](const FsdpParameter &a, const FsdpParameter &b) {
               return a.argument < b.argument;
             });
  return std::move(problem);
}

FsdpProblem mlir::sharding::buildFsdpProblem(func::FuncOp function,
                                             const ShardingTable &table,
                                             const PartialFlow &flow,
                                             ReshardPlanner &planner) {
  return GraphBuilder(function, table, flow, planner).run();
}
