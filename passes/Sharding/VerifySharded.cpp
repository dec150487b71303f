//===- VerifySharded.cpp - Says what the shard phase leaves ---------------===//
//
// Works on the types alone, independently of propagation: for every op the
// lists of its factors are read off its operands and results, and must agree.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/ShardingTable.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_VERIFYSHARDEDPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

namespace {
class Verifier {
public:
  explicit Verifier(dist::MeshAttr mesh) : atoms(mesh) {}

  LogicalResult verify(func::FuncOp function) const;

private:
  LogicalResult verifyType(Location loc, Type type) const;
  LogicalResult verifyRule(dist::ShardingOpInterface op) const;
  LogicalResult readFactors(Operation *op, const dist::ShardingRule &rule,
                            FactorAtoms &factors) const;
  LogicalResult verifyPartial(Operation *op, const dist::ShardingRule &rule,
                              const FactorAtoms &factors) const;
  LogicalResult verifyArguments(func::FuncOp function) const;
  LogicalResult verifyResults(func::FuncOp function) const;

  dist::MeshAtoms atoms;
};
} // namespace

/// C2
LogicalResult Verifier::verifyType(Location loc, Type type) const {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  dist::ShardingAttr sharding = dist::getSharding(type);
  if (!sharding)
    return emitError(loc) << "a tensor has no sharding: " << type;
  if (sharding.getMesh() != atoms.getMesh())
    return emitError(loc) << "a tensor is sharded over another mesh than the "
                             "module's: "
                          << type;
  return sharding.verifyEncoding(tensor.getShape(), tensor.getElementType(),
                                 [&] { return emitError(loc); });
}

/// C3. Parallel factors that a tensor does not contain say nothing about it.
LogicalResult Verifier::readFactors(Operation *op,
                                    const dist::ShardingRule &rule,
                                    FactorAtoms &factors) const {
  factors.resize(rule.factors.size());
  llvm::SmallBitVector known(rule.factors.size());
  auto read = [&](StringRef what, unsigned number, Value value,
                  const dist::TensorFactors &tensor) -> LogicalResult {
    FactorAtoms own;
    Placement placement = Placement::get(atoms, dist::getSharding(value));
    if (!getFactorAtoms(atoms, rule, tensor, placement.dims, own))
      return emitError(op->getLoc())
             << "'" << op->getName() << "' cannot be split as " << what << ' '
             << number << " is: " << value.getType();
    for (const dist::DimFactors &dim : tensor)
      for (unsigned factor : dim) {
        if (known.test(factor) && own[factor] != factors[factor])
          return emitError(op->getLoc())
                 << "'" << op->getName() << "' disagrees with " << what << ' '
                 << number << " about a dim of size "
                 << rule.factors[factor].size << ": "
                 << atoms.getAxes(factors[factor]).str() << " and "
                 << atoms.getAxes(own[factor]).str();
        known.set(factor);
        factors[factor] = own[factor];
      }
    return success();
  };
  for (auto [number, operand] : llvm::enumerate(op->getOperands()))
    if (failed(read("operand", number, operand, rule.operands[number])))
      return failure();
  for (auto [number, result] : llvm::enumerate(op->getResults()))
    if (failed(read("result", number, result, rule.results[number])))
      return failure();

  llvm::SmallBitVector used(atoms.size());
  for (auto [factor, list] : llvm::zip_equal(rule.factors, factors)) {
    if (factor.kind == Factor::Kind::Whole && !list.empty())
      return emitError(op->getLoc())
             << "'" << op->getName() << "' needs a dim of size " << factor.size
             << " whole, which is split by " << atoms.getAxes(list).str();
    for (unsigned atom : list) {
      if (used.test(atom))
        return emitError(op->getLoc())
               << "'" << op->getName() << "' is split twice by axes "
               << atoms.getAxes({atom}).str();
      used.set(atom);
    }
  }
  return success();
}

/// C4, atom by atom.
LogicalResult Verifier::verifyPartial(Operation *op,
                                      const dist::ShardingRule &rule,
                                      const FactorAtoms &factors) const {
  auto getPartial = [&](Value value) {
    return atoms.getAtoms(dist::getSharding(value).getPartial());
  };
  for (unsigned atom = 0; atom < atoms.size(); ++atom) {
    auto split = llvm::find_if(factors, [&](const AtomList &list) {
      return llvm::is_contained(list, atom);
    });
    SmallVector<unsigned> terms;
    bool isSum = true;
    for (auto [number, operand] : llvm::enumerate(op->getOperands()))
      if (llvm::is_contained(getPartial(operand), atom)) {
        terms.push_back(number);
        isSum &= dist::getSharding(operand).getReduction() ==
                 dist::ReductionKind::Sum;
      }
    bool isGroup =
        llvm::any_of(rule.linearGroups, [&](ArrayRef<unsigned> group) {
          SmallVector<unsigned> sorted(group);
          llvm::sort(sorted);
          return sorted == terms;
        });
    if (!terms.empty() && (split != factors.end() || !isGroup || !isSum))
      return emitError(op->getLoc())
             << "'" << op->getName() << "' is not linear in operand "
             << terms.front() << ", which is partial over "
             << atoms.getAxes({atom}).str();
    for (auto [number, result] : llvm::enumerate(op->getResults())) {
      bool expected = !terms.empty();
      dist::ReductionKind kind = dist::ReductionKind::Sum;
      if (split != factors.end()) {
        unsigned factor = split - factors.begin();
        expected = isReducedIn(rule, factor, rule.results[number]);
        kind = rule.factors[factor].reduction;
      }
      bool found = llvm::is_contained(getPartial(result), atom);
      if (expected != found)
        return emitError(op->getLoc())
               << "result " << number << " of '" << op->getName() << "' is "
               << (expected ? "" : "not ") << "a term over axes "
               << atoms.getAxes({atom}).str() << ", but its type is "
               << result.getType();
      if (found && dist::getSharding(result).getReduction() != kind)
        return emitError(op->getLoc())
               << "result " << number << " of '" << op->getName()
               << "' is a partial " << stringifyReductionKind(kind)
               << ", but its type is " << result.getType();
    }
  }
  return success();
}

LogicalResult Verifier::verifyRule(dist::ShardingOpInterface op) const {
  dist::ShardingRule rule = op.getShardingRule();
  FactorAtoms factors;
  if (failed(readFactors(op, rule, factors)) ||
      failed(verifyPartial(op, rule, factors)))
    return failure();
  for (auto [factor, list] : llvm::enumerate(factors)) {
    if (list.empty() || rule.factors[factor].kind != Factor::Kind::Parallel)
      continue;
    for (auto [number, tensor] : llvm::enumerate(rule.results))
      if (llvm::none_of(tensor, [&](const dist::DimFactors &dim) {
            return llvm::is_contained(dim, factor);
          }))
        return emitError(op.getLoc())
               << "'" << op->getName() << "' is split by "
               << atoms.getAxes(list).str() << ", but result " << number
               << " is not";
  }
  return success();
}

/// C5, of states.
LogicalResult Verifier::verifyArguments(func::FuncOp function) const {
  llvm::StringMap<Type> parameters;
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (auto param = function.getArgAttrOfType<fabric::ParamAttr>(
            index, FabricDialect::kParamAttr))
      parameters[param.getName()] = function.getArgumentTypes()[index];
  for (unsigned index = 0; index < function.getNumArguments(); ++index) {
    auto state = function.getArgAttrOfType<fabric::StateAttr>(
        index, FabricDialect::kStateAttr);
    if (!state)
      continue;
    Type type = function.getArgumentTypes()[index];
    Type param = parameters.lookup(state.getParam());
    if (!param || dist::getSharding(param) != dist::getSharding(type))
      return emitError(function.getArgument(index).getLoc())
             << "state " << state.getName() << " is not stored as parameter "
             << state.getParam() << ": " << type;
  }
  return success();
}

/// C5
LogicalResult Verifier::verifyResults(func::FuncOp function) const {
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    dist::ShardingAttr sharding = dist::getSharding(type);
    if (sharding && sharding.isPartial())
      return emitError(function.getLoc())
             << "result " << index << " is partial: " << type;
    auto updated = function.getResultAttrOfType<IntegerAttr>(
        index, FabricDialect::kUpdateOfAttr);
    if (updated && function.getArgumentTypes()[updated.getInt()] != type)
      return emitError(function.getLoc())
             << "result " << index << " updates argument " << updated.getInt()
             << " of another type: "
             << function.getArgumentTypes()[updated.getInt()] << " and "
             << type;
  }
  return success();
}

LogicalResult Verifier::verify(func::FuncOp function) const {
  if (!function.getBody().hasOneBlock())
    return emitError(function.getLoc())
           << "function @" << function.getName() << " has control flow";
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments())
    if (failed(verifyType(argument.getLoc(), argument.getType())))
      return failure();
  for (Operation &op : body) {
    for (Type type : op.getResultTypes())
      if (failed(verifyType(op.getLoc(), type)))
        return failure();
    if (isa<dist::ReshardOp>(op) || op.hasTrait<OpTrait::ReturnLike>())
      continue;
    auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
    if (!sharded)
      return emitError(op.getLoc())
             << "'" << op.getName() << "' may not be left by the shard phase";
    if (failed(verifyRule(sharded)))
      return failure();
  }
  return success(succeeded(verifyArguments(function)) &&
                 succeeded(verifyResults(function)));
}

namespace {
struct VerifyShardedPass
    : public sharding::impl::VerifyShardedPassBase<VerifyShardedPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = dist::getMesh(module);
    // C1
    if (!mesh || module->hasAttr(dist::DistDialect::kPartitionedAttr)) {
      emitError(module.getLoc())
          << (mesh ? "the module is partitioned" : "the module has no mesh");
      return signalPassFailure();
    }
    Verifier verifier(mesh);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && failed(verifier.verify(function)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
