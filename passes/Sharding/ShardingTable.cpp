//===- ShardingTable.cpp - Which axes split which factor of an op ---------===//

#include "passes/Sharding/ShardingTable.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;

SmallVector<AtomList, 4>
mlir::sharding::getDimAtoms(const dist::TensorFactors &tensor,
                            const FactorAtoms &factors) {
  SmallVector<AtomList, 4> dims;
  for (const dist::DimFactors &dim : tensor) {
    AtomList &list = dims.emplace_back();
    for (unsigned factor : dim)
      llvm::append_range(list, factors[factor]);
  }
  return dims;
}

bool mlir::sharding::getFactorAtoms(const dist::MeshAtoms &atoms,
                                    const dist::ShardingRule &rule,
                                    const dist::TensorFactors &tensor,
                                    ArrayRef<AtomList> dims,
                                    FactorAtoms &factors) {
  bool fits = true;
  factors.assign(rule.factors.size(), {});
  for (auto [dim, list] : llvm::zip_equal(tensor, dims)) {
    ArrayRef<unsigned> rest = list;
    for (unsigned factor : dim) {
      int64_t size = rule.factors[factor].size;
      while (!rest.empty() && size > 1 && size % atoms.getSize(rest[0]) == 0) {
        size /= atoms.getSize(rest[0]);
        factors[factor].push_back(rest[0]);
        rest = rest.drop_front();
      }
      // Minor factors may be split only if this one is split completely.
      if (size > 1)
        break;
    }
    fits &= rest.empty();
  }
  return fits;
}

static bool contains(const dist::TensorFactors &tensor, unsigned factor) {
  return llvm::any_of(tensor, [&](const dist::DimFactors &dim) {
    return llvm::is_contained(dim, factor);
  });
}

bool mlir::sharding::isReducedIn(const dist::ShardingRule &rule,
                                 unsigned factor,
                                 const dist::TensorFactors &tensor) {
  return rule.factors[factor].kind == Factor::Kind::Reduction &&
         !contains(tensor, factor);
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// Its results' types say how an op is split that updates stored arguments, or
/// casts where they are stored.
static bool isAtRest(Operation *op) {
  return isa<fabric::InPlaceOpInterface>(op) || getArgumentAtRest(op);
}

LogicalResult ShardingTable::fixNode(Node &node) {
  if (!isAtRest(node.op))
    return success();
  for (OpResult result : node.op->getResults()) {
    dist::ShardingAttr sharding = dist::getSharding(result);
    if (!sharding)
      continue;
    FactorAtoms factors;
    unsigned number = result.getResultNumber();
    Placement placement = Placement::get(*atoms, sharding);
    bool fits = getFactorAtoms(*atoms, node.rule, node.rule.results[number],
                               placement.dims, factors);
    if (!fits || (node.fixed && factors != node.factors))
      return emitError(node.op->getLoc())
             << "'" << node.op->getName() << "' updates values that are stored "
             << "differently: result " << number << " is " << result.getType();
    node.fixed = true;
    node.factors = std::move(factors);
    given[result] = std::move(placement);
  }
  return success();
}

LogicalResult ShardingTable::addOp(Operation *op) {
  for (OpOperand &operand : op->getOpOperands())
    uses[operand.get()].push_back(&operand);
  if (op->hasTrait<OpTrait::ReturnLike>())
    return success();
  if (auto reshard = dyn_cast<dist::ReshardOp>(op)) {
    dist::ShardingAttr sharding = dist::getSharding(reshard.getResult());
    if (!sharding)
      return emitError(op->getLoc())
             << "'dist.reshard' needs types with shardings";
    given[reshard.getResult()] = Placement::get(*atoms, sharding);
    return success();
  }
  if (auto constraint = dyn_cast<dist::ConstraintOp>(op)) {
    dist::ShardingAttr sharding = constraint.getSharding();
    auto type = cast<RankedTensorType>(constraint.getType());
    if (sharding.getMesh() != atoms->getMesh())
      return emitError(op->getLoc())
             << "constraint: over the mesh " << sharding.getMesh()
             << ", but the module's is " << atoms->getMesh();
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.getDimSize(dim) % sharding.getNumParts(dim) != 0)
        return emitNotDivided(op->getLoc(), "constraint", type, dim, sharding);
    given[constraint.getResult()] =
        Placement::get(*atoms, constraint.getSharding());
    return success();
  }
  auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
  if (!sharded || op->getNumRegions() != 0)
    return emitError(op->getLoc())
           << "'" << op->getName() << "' does not say how it shards";
  for (OpResult result : op->getResults())
    if (dist::getSharding(result) && !isAtRest(op))
      return emitError(op->getLoc())
             << "result " << result.getResultNumber() << " of '"
             << op->getName()
             << "' is sharded before propagation: " << result.getType();
  if (op->getNumOperands() == 0)
    return success();
  indices[op] = nodes.size();
  Node &node = nodes.emplace_back();
  node.op = op;
  node.rule = sharded.getShardingRule();
  node.factors.resize(node.rule.factors.size());
  node.closed.resize(atoms->size());
  node.passed.resize(atoms->size());
  return fixNode(node);
}

FailureOr<ShardingTable> ShardingTable::get(func::FuncOp function,
                                            const dist::MeshAtoms &atoms) {
  ShardingTable table;
  table.atoms = &atoms;
  for (BlockArgument argument : function.getArguments()) {
    dist::ShardingAttr sharding = dist::getSharding(argument);
    if (!sharding || sharding.getMesh() != atoms.getMesh()) {
      emitError(argument.getLoc())
          << "argument " << argument.getArgNumber()
          << " needs a sharding over the module's mesh, found "
          << argument.getType();
      return failure();
    }
    table.given[argument] = Placement::get(atoms, sharding);
  }
  for (Operation &op : function.getBody().front())
    if (failed(table.addOp(&op)))
      return failure();
  return table;
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

std::optional<unsigned> ShardingTable::lookup(Operation *op) const {
  auto it = indices.find(op);
  if (it == indices.end())
    return std::nullopt;
  return it->second;
}

bool ShardingTable::isSource(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->getNumOperands() == 0 && isa<dist::ShardingOpInterface>(op);
}

ArrayRef<OpOperand *> ShardingTable::getUses(Value value) const {
  auto it = uses.find(value);
  if (it == uses.end())
    return {};
  return it->second;
}

Placement ShardingTable::getPlacement(Value value) const {
  return {getDims(value), getPartial(value)};
}

SmallVector<AtomList, 4> ShardingTable::getDims(Value value) const {
  if (auto it = given.find(value); it != given.end())
    return it->second.dims;
  std::optional<unsigned> index = lookup(value.getDefiningOp());
  if (!index)
    return SmallVector<AtomList, 4>(
        cast<RankedTensorType>(value.getType()).getRank());
  const Node &node = nodes[*index];
  return getDimAtoms(node.rule.results[cast<OpResult>(value).getResultNumber()],
                     node.factors);
}

AtomList ShardingTable::getPartial(Value value) const {
  if (auto it = given.find(value); it != given.end())
    return it->second.partial;
  std::optional<unsigned> index = lookup(value.getDefiningOp());
  if (!index)
    return {};
  const Node &node = nodes[*index];
  const dist::TensorFactors &tensor =
      node.rule.results[cast<OpResult>(value).getResultNumber()];
  AtomList partial;
  for (auto [factor, list] : llvm::enumerate(node.factors))
    if (!list.empty() && isReducedIn(node.rule, factor, tensor))
      llvm::append_range(partial, list);
  for (unsigned atom : node.passed.set_bits())
    partial.push_back(atom);
  llvm::sort(partial);
  return partial;
}

std::optional<Placement> ShardingTable::getWanted(OpOperand &use) const {
  Operation *op = use.getOwner();
  if (isa<dist::ReshardOp>(op))
    return getPlacement(use.get());
  if (auto constraint = dyn_cast<dist::ConstraintOp>(op))
    return getPlacement(constraint.getResult());
  std::optional<unsigned> index = lookup(op);
  if (!index)
    return std::nullopt;
  const Node &node = nodes[*index];
  Placement placement;
  placement.dims =
      getDimAtoms(node.rule.operands[use.getOperandNumber()], node.factors);
  return placement;
}

bool ShardingTable::isSplit(const Node &node, unsigned atom) const {
  return llvm::any_of(node.factors, [&](const AtomList &list) {
    return llvm::is_contained(list, atom);
  });
}

bool ShardingTable::isDecided(const Node &node, unsigned atom) const {
  return node.fixed || node.closed.test(atom) || isSplit(node, atom);
}

dist::ReductionKind ShardingTable::getReduction(const Node &node) const {
  for (auto [factor, list] : llvm::zip_equal(node.rule.factors, node.factors))
    if (factor.kind == Factor::Kind::Reduction && !list.empty())
      return factor.reduction;
  return dist::ReductionKind::Sum;
}

bool ShardingTable::canPass(
    const Node &node, unsigned atom,
    function_ref<bool(unsigned operand)> isPartial) const {
  if (isSplit(node, atom) || node.fixed ||
      getReduction(node) != dist::ReductionKind::Sum)
    return false;
  SmallVector<unsigned> partial;
  for (unsigned operand = 0; operand < node.op->getNumOperands(); ++operand) {
    if (!isPartial(operand))
      continue;
    std::optional<unsigned> producer =
        lookup(node.op->getOperand(operand).getDefiningOp());
    if (producer && getReduction(nodes[*producer]) != dist::ReductionKind::Sum)
      return false;
    partial.push_back(operand);
  }
  return !partial.empty() &&
         llvm::any_of(node.rule.linearGroups, [&](ArrayRef<unsigned> group) {
           SmallVector<unsigned> sorted(group);
           llvm::sort(sorted);
           return sorted == partial;
         });
}
