//===- Propagate.cpp - Gives every tensor a sharding ----------------------===//
//
// Axes are assigned to factors (Propagation.h); an op that needs a factor whole
// that is split around it is decomposed, and all starts again; then it is
// decided where terms are reduced (PartialFlow.h), and the table is committed.
// Whatever runs whole although it was split around it is explained.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/Propagate.h"
#include "passes/Sharding/CommitShardings.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;

namespace mlir::sharding {
#define GEN_PASS_DEF_PROPAGATEPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

/// Whether neighbours split a factor that the op needs whole.
static bool needsWhatIsSplit(const ShardingTable &table, const Node &node) {
  auto isSplitWhole = [&](const dist::TensorFactors &tensor,
                          ArrayRef<AtomList> dims) {
    FactorAtoms given;
    getFactorAtoms(table.getAtoms(), node.rule, tensor, dims, given);
    for (auto [factor, list] : llvm::zip_equal(node.rule.factors, given))
      if (factor.kind == Factor::Kind::Whole && !list.empty())
        return true;
    return false;
  };
  for (OpOperand &operand : node.op->getOpOperands())
    if (isSplitWhole(node.rule.operands[operand.getOperandNumber()],
                     table.getPlacement(operand.get()).dims))
      return true;
  for (OpResult result : node.op->getResults())
    for (OpOperand *use : table.getUses(result))
      if (std::optional<Placement> wanted = table.getWanted(*use))
        if (isSplitWhole(node.rule.results[result.getResultNumber()],
                         wanted->dims))
          return true;
  return false;
}

/// Decomposes what can be, of the ops that need what is split. The table is
/// stale if there was any.
static unsigned decompose(ShardingTable &table) {
  SmallVector<dist::ShardingOpInterface> ops;
  for (const Node &node : table.getNodes())
    if (needsWhatIsSplit(table, node))
      ops.push_back(cast<dist::ShardingOpInterface>(node.op));
  unsigned count = 0;
  for (dist::ShardingOpInterface op : ops) {
    IRRewriter rewriter(op);
    count += succeeded(op.decompose(rewriter));
  }
  return count;
}

FailureOr<unsigned> mlir::sharding::propagateShardings(
    func::FuncOp function, analysis::ReshardPlanner &planner,
    function_ref<void(ShardingTable &, const PartialFlow &, ArrayRef<Decision>)>
        done) {
  unsigned numDecomposed = 0;
  while (true) {
    FailureOr<ShardingTable> table =
        ShardingTable::get(function, planner.getAtoms());
    if (failed(table))
      return failure();
    Propagation propagation(*table, planner);
    propagation.run();
    if (unsigned count = decompose(*table)) {
      numDecomposed += count;
      continue;
    }
    PartialFlow flow(*table);
    flow.run();
    done(*table, flow, propagation.getDecisions());
    return numDecomposed;
  }
}

//===----------------------------------------------------------------------===//
// Explanations
//===----------------------------------------------------------------------===//

/// The dim of a tensor that the atom splits.
static std::optional<unsigned> findDim(ArrayRef<AtomList> dims, unsigned atom) {
  for (auto [dim, list] : llvm::enumerate(dims))
    if (llvm::is_contained(list, atom))
      return dim;
  return std::nullopt;
}

/// Says for every operand that is split, and that the op takes whole because no
/// factor of its can be split so, that it is gathered.
static void explainGathers(const ShardingTable &table, const Node &node) {
  for (OpOperand &operand : node.op->getOpOperands()) {
    if (ShardingTable::isSource(operand.get()) || node.fixed)
      continue;
    Placement placement = table.getPlacement(operand.get());
    AtomList gathered;
    std::optional<unsigned> dim;
    for (unsigned atom = 0; atom < table.getAtoms().size(); ++atom) {
      std::optional<unsigned> found = findDim(placement.dims, atom);
      if (!found || table.isDecided(node, atom))
        continue;
      gathered.push_back(atom);
      dim = dim ? dim : found;
    }
    if (gathered.empty())
      continue;
    emitRemark(node.op->getLoc())
        << "'" << node.op->getName() << "' runs whole over axes "
        << table.getAtoms().getAxes(gathered).str()
        << ": no block of its result corresponds to a block of dim " << *dim
        << " of operand " << operand.getOperandNumber()
        << ", which is gathered";
  }
}

static std::string nameFactor(const Node &node,
                              std::optional<unsigned> factor) {
  if (!factor)
    return "no dim";
  std::string name;
  llvm::raw_string_ostream os(name);
  auto find = [&](StringRef what, ArrayRef<dist::TensorFactors> tensors) {
    for (auto [number, tensor] : llvm::enumerate(tensors))
      for (auto [dim, factors] : llvm::enumerate(tensor))
        if (name.empty() && llvm::is_contained(factors, *factor))
          os << "dim " << dim << " of " << what << ' ' << number;
  };
  find("result", node.rule.results);
  find("operand", node.rule.operands);
  return name;
}

/// Says how neighbours that disagree were served: one has its dim split, or
/// none has.
static void explainDecision(const ShardingTable &table,
                            const Decision &decision) {
  bool isWhole = !decision.factor && !decision.passes;
  bool isBetweenDims = decision.factor && decision.otherFactor &&
                       decision.factor != decision.otherFactor;
  if (decision.bytes == 0 || (!isWhole && !isBetweenDims))
    return;
  const Node &node = table.getNode(decision.node);
  emitRemark(node.op->getLoc())
      << "axes " << table.getAtoms().getAxes({decision.atom}).str() << " split "
      << nameFactor(node, decision.factor) << " of '" << node.op->getName()
      << "', which sends about " << decision.bytes << " bytes a rank; "
      << nameFactor(node, decision.otherFactor) << " would send "
      << decision.otherBytes;
}

/// Says for every parameter that is to stay in its shards which op gathers it
/// all the same: one that the axis splits by something else.
static void explainKept(func::FuncOp function, const ShardingTable &table) {
  for (BlockArgument argument : function.getArguments()) {
    auto fsdp = function.getArgAttrOfType<dist::FsdpAttr>(
        argument.getArgNumber(), dist::DistDialect::kFsdpAttr);
    if (!fsdp || fsdp.getMode() != dist::FsdpMode::Keep)
      continue;
    Placement stored = table.getPlacement(argument);
    auto isGathered = [&](OpOperand &use) {
      std::optional<Placement> wanted = table.getWanted(use);
      return wanted && llvm::any_of(stored.dims, [&](const AtomList &list) {
               return llvm::any_of(list, [&](unsigned atom) {
                 return !findDim(wanted->dims, atom);
               });
             });
    };
    // Between storage and compute there is a reshard, if only of one to itself.
    SmallVector<OpOperand *> uses;
    for (Operation *user : argument.getUsers())
      if (isa<dist::ReshardOp>(user))
        for (OpOperand &use : user->getResult(0).getUses())
          uses.push_back(&use);
    auto gathered =
        llvm::find_if(uses, [&](OpOperand *use) { return isGathered(*use); });
    if (gathered != uses.end())
      emitRemark(argument.getLoc())
          << nameArgument(function, argument.getArgNumber()) << ": " << fsdp
          << ", but '" << (*gathered)->getOwner()->getName()
          << "' gathers it, for the axis splits another of its dims";
  }
}

namespace {
struct PropagatePass : public sharding::impl::PropagatePassBase<PropagatePass> {
  using PropagatePassBase::PropagatePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = requireMesh(module);
    if (!mesh)
      return signalPassFailure();
    analysis::ReshardPlanner planner(mesh);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && failed(propagate(function, planner)))
        return signalPassFailure();
  }

  LogicalResult propagate(func::FuncOp function,
                          analysis::ReshardPlanner &planner) {
    if (!function.getBody().hasOneBlock())
      return emitError(function.getLoc())
             << "function @" << function.getName() << " has control flow";
    FailureOr<unsigned> count = propagateShardings(
        function, planner,
        [&](ShardingTable &table, const PartialFlow &flow,
            ArrayRef<Decision> decisions) {
          for (const Decision &decision : decisions)
            explainDecision(table, decision);
          numConflicts += decisions.size();
          for (const Node &node : table.getNodes())
            explainGathers(table, node);
          explainKept(function, table);
          CommitResult result = commitShardings(function, table, flow, planner);
          numReshards += result.numReshards;
          numBytes += result.numBytes;
        });
    if (failed(count))
      return failure();
    numDecomposed += *count;
    return success();
  }
};
} // namespace
