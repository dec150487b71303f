//===- ChooseFsdp.cpp - Chooses which parameters are gathered -------------===//
//
// Propagates a copy of the function with every open parameter gathered, which
// says where everything is over the other axes; searches layouts over "dp" on
// that (ChooseFsdpGraph.h); propagates a copy with what was found, and leaves
// that in the IR if it sends less. What is compared in the end are programs,
// not estimates.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Partition/Passes.h"
#include "passes/Sharding/AssignStorage.h"
#include "passes/Sharding/ChooseFsdpLayouts.h"
#include "passes/Sharding/CommitShardings.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Propagate.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/Strategies.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Debug.h"

#define DEBUG_TYPE "dist-choose-fsdp"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::DistDialect;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_CHOOSEFSDPPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

namespace {
struct ParameterChoice {
  unsigned argument;
  dist::FsdpMode mode;
  unsigned dim;
  /// The dim that is split where nothing else is said.
  unsigned firstDim;
  /// What a rank sends for the parameter and its gradient if it is gathered,
  /// and for the tensors around it as chosen.
  int64_t gatherBytes = 0, chosenBytes = 0;
};

struct Choice {
  SmallVector<ParameterChoice> parameters;
  /// The dim that "dp" splits of every constraint that was chosen before; none
  /// at all leaves them as they are.
  SmallVector<std::optional<unsigned>> constraintDims;
  SmallVector<FsdpMove, 0> moves;

  size_t getNumKept() const {
    return llvm::count_if(parameters, [](const ParameterChoice &parameter) {
      return parameter.mode == dist::FsdpMode::Keep;
    });
  }
  /// The same parameters as without any choice.
  Choice gatherAll() const {
    Choice choice{parameters, {}, {}};
    for (ParameterChoice &parameter : choice.parameters) {
      parameter.mode = dist::FsdpMode::Gather;
      parameter.dim = parameter.firstDim;
    }
    return choice;
  }
};

/// Reads a choice off the plan of a search.
class ChoiceReader {
public:
  ChoiceReader(const FsdpProblem &problem, const analysis::LayoutPlan &plan);
  Choice read() const;

private:
  const analysis::LayoutStrategy &getStrategy(unsigned op) const {
    return problem.graph.ops[op].strategies[plan.strategies[op]];
  }
  /// Needs of the parameter that is computed with, stored or cast; none of
  /// what only its update reads.
  analysis::LayoutNeeds getComputeNeeds(const FsdpParameter &parameter) const;
  int64_t getMovedBytes(const FsdpParameter &parameter) const;
  int64_t getGatherBytes(const FsdpParameter &parameter) const;

  const FsdpProblem &problem;
  const analysis::LayoutPlan &plan;
  /// Of every tensor.
  SmallVector<analysis::LayoutState> left;
  SmallVector<analysis::LayoutNeeds> needed;
  SmallVector<unsigned> makers;
  SmallVector<SmallVector<unsigned, 2>> readers;
};
} // namespace

ChoiceReader::ChoiceReader(const FsdpProblem &problem,
                           const analysis::LayoutPlan &plan)
    : problem(problem), plan(plan),
      left(problem.graph.tensors.size(), analysis::LayoutState::replicated()),
      needed(problem.graph.tensors.size()),
      makers(problem.graph.tensors.size()),
      readers(problem.graph.tensors.size()) {
  for (auto [index, op] : llvm::enumerate(problem.graph.ops)) {
    for (auto [tensor, state] :
         llvm::zip_equal(op.results, getStrategy(index).results)) {
      left[tensor] = state;
      makers[tensor] = index;
    }
    for (auto [tensor, need] :
         llvm::zip_equal(op.operands, getStrategy(index).needs)) {
      needed[tensor] |= need;
      readers[tensor].push_back(index);
    }
  }
}

static SmallVector<unsigned> getTensors(const FsdpParameter &parameter) {
  SmallVector<unsigned> tensors(parameter.copies);
  tensors.push_back(parameter.tensor);
  return tensors;
}

/// Whether something but an update, or a cast at rest, reads the tensor.
static bool isUsed(analysis::LayoutNeeds needs) {
  return needs &
         (analysis::needsExactly(analysis::LayoutState::replicated()) - 1);
}

analysis::LayoutNeeds
ChoiceReader::getComputeNeeds(const FsdpParameter &parameter) const {
  analysis::LayoutNeeds needs = 0;
  for (unsigned tensor : getTensors(parameter))
    if (isUsed(needed[tensor]))
      needs |= needed[tensor];
  return needs;
}

/// An all-gather of the parameter, or of what is made of it, and of its
/// gradient a reduce-scatter, or an all-reduce where it is a result.
int64_t ChoiceReader::getGatherBytes(const FsdpParameter &parameter) const {
  int64_t ranks = problem.graph.axisSize;
  auto getPart = [&](unsigned tensor) {
    return problem.graph.tensors[tensor].bytes / ranks * (ranks - 1);
  };
  int64_t bytes = 0;
  for (unsigned tensor : getTensors(parameter))
    if (isUsed(needed[tensor]))
      bytes += getPart(tensor);
  if (parameter.gradient)
    bytes += (parameter.isUpdated ? 1 : 2) * getPart(parameter.tensor);
  return bytes;
}

/// What the tensors send that ops with the parameter, and the op that makes its
/// gradient, read and write.
int64_t ChoiceReader::getMovedBytes(const FsdpParameter &parameter) const {
  SmallVector<unsigned> own = getTensors(parameter);
  llvm::SmallSetVector<unsigned, 8> around;
  SmallVector<unsigned> ops;
  for (unsigned tensor : own)
    llvm::append_range(ops, readers[tensor]);
  if (parameter.gradient)
    ops.push_back(makers[*parameter.gradient]);
  for (unsigned index : ops) {
    const analysis::LayoutOp &op = problem.graph.ops[index];
    around.insert_range(op.operands);
    around.insert_range(op.results);
  }
  int64_t bytes = 0;
  for (unsigned tensor : around)
    if (!problem.isStored.test(tensor) || llvm::is_contained(own, tensor))
      bytes += analysis::chargeTensor(problem.graph.axisSize,
                                      problem.graph.tensors[tensor],
                                      left[tensor], needed[tensor])
                   ->sentBytes;
  return bytes;
}

Choice ChoiceReader::read() const {
  Choice choice;
  analysis::LayoutNeeds whole =
      analysis::needs(analysis::LayoutState::replicated());
  for (const FsdpParameter &parameter : problem.parameters) {
    // What only its update reads is not gathered either way.
    analysis::LayoutNeeds needs = getComputeNeeds(parameter);
    choice.parameters.push_back(
        {parameter.argument,
         (needs & whole) || !needs ? dist::FsdpMode::Gather
                                   : dist::FsdpMode::Keep,
         parameter.dims[plan.strategies[parameter.op]], parameter.dims.front(),
         getGatherBytes(parameter), getMovedBytes(parameter)});
  }
  for (unsigned op : problem.chosenConstraints) {
    analysis::LayoutState state = getStrategy(op).results.front();
    choice.constraintDims.push_back(
        state.isSplit() ? std::optional(state.getDim()) : std::nullopt);
  }
  return choice;
}

//===----------------------------------------------------------------------===//
// Rewriting and trying
//===----------------------------------------------------------------------===//

/// With "dp" on this dim, minor to all else, or on none.
static dist::ShardingAttr moveData(dist::ShardingAttr sharding,
                                   std::optional<unsigned> to) {
  MLIRContext *context = sharding.getContext();
  auto isData = [](dist::AxisRefAttr ref) {
    return ref.getName() == kDataAxis;
  };
  if (to && llvm::any_of(sharding.getDims()[*to].getRefs(), isData))
    return sharding;
  SmallVector<dist::AxesAttr> dims;
  for (auto [dim, axes] : llvm::enumerate(sharding.getDims())) {
    SmallVector<dist::AxisRefAttr> refs(axes.getRefs());
    llvm::erase_if(refs, isData);
    if (to == dim)
      refs.push_back(dist::AxisRefAttr::get(context, kDataAxis));
    dims.push_back(dist::AxesAttr::get(context, refs));
  }
  return dist::ShardingAttr::get(sharding.getMesh(), dims);
}

static void write(func::FuncOp function, const Choice &choice) {
  MLIRContext *context = function.getContext();
  for (const ParameterChoice &parameter : choice.parameters)
    function.setArgAttr(
        parameter.argument, DistDialect::kFsdpAttr,
        dist::FsdpAttr::get(context, parameter.mode, parameter.dim));
  unsigned index = 0;
  for (auto constraint : function.getOps<dist::ConstraintOp>())
    if (constraint.getChosen() && !choice.constraintDims.empty())
      constraint.setShardingAttr(
          moveData(constraint.getSharding(), choice.constraintDims[index++]));
  constrainMoves(function, choice.moves);
}

using Look = function_ref<void(func::FuncOp, const ShardingTable &,
                               const PartialFlow &)>;

/// What a rank sends for the function, sharded on a copy and with its
/// collectives combined; nothing if that fails, which the passes that follow
/// explain.
static std::optional<int64_t> tryOut(func::FuncOp function,
                                     const Choice &choice,
                                     analysis::ReshardPlanner &planner,
                                     Look look) {
  MLIRContext *context = function.getContext();
  dist::MeshAttr mesh = planner.getAtoms().getMesh();
  ScopedDiagnosticHandler quiet(context,
                                [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  (*module)->setAttr(DistDialect::kMeshAttr, mesh);
  func::FuncOp copy = function.clone();
  module->push_back(copy);
  write(copy, choice);
  numberOps(copy);
  auto commit = [&](ShardingTable &table, const PartialFlow &flow,
                    ArrayRef<Decision>) {
    look(copy, table, flow);
    commitShardings(copy, table, flow, planner);
  };
  if (failed(assignStorage(copy, mesh)) ||
      failed(propagateShardings(copy, planner, commit)))
    return std::nullopt;
  PassManager pm(context, ModuleOp::getOperationName());
  pm.enableVerifier(false);
  pm.addPass(createVerifyShardedPass());
  pm.addPass(partition::createReshardToCollectivesPass());
  pm.addPass(partition::createCombineCollectivesPass());
  if (failed(pm.run(*module)))
    return std::nullopt;
  int64_t bytes = 0;
  for (auto op : copy.getOps<dist::CollectiveOpInterface>())
    bytes += op.getBytesSent(op.getCollectiveAxes().getNumParts(mesh));
  return bytes;
}

//===----------------------------------------------------------------------===//
// Explanations
//===----------------------------------------------------------------------===//

static StringAttr getName(func::FuncOp function, unsigned argument) {
  return function
      .getArgAttrOfType<fabric::ParamAttr>(argument, FabricDialect::kParamAttr)
      .getName();
}

static void explain(func::FuncOp function, const ParameterChoice &parameter,
                    int64_t axisSize) {
  InFlightDiagnostic remark =
      emitRemark(function.getArgument(parameter.argument).getLoc());
  remark << "parameter " << getName(function, parameter.argument) << ": ";
  if (parameter.mode == dist::FsdpMode::Keep)
    remark << "kept split on dim " << parameter.dim << " over axis \""
           << kDataAxis << "\" of size " << axisSize
           << ": the activations around it send " << parameter.chosenBytes
           << " bytes a rank; gathered, it and its gradient would send "
           << parameter.gatherBytes;
  else
    remark << "gathered over axis \"" << kDataAxis << "\" of size " << axisSize
           << ": it and its gradient send " << parameter.gatherBytes
           << " bytes a rank";
}

namespace {
/// Why nothing is chosen.
struct Obstacle {
  Location loc;
  std::string text;
};
} // namespace

static Obstacle describe(const FsdpProblem &problem,
                         const analysis::LayoutConflict &conflict) {
  Value value = problem.values[conflict.tensor];
  ArrayRef<OpOperand *> uses = problem.uses[conflict.user];
  Operation *user = uses.empty() ? nullptr : uses.front()->getOwner();
  return {user ? user->getLoc() : value.getLoc(),
          describe(conflict, value, user)};
}

namespace {
struct ChooseFsdpPass
    : public sharding::impl::ChooseFsdpPassBase<ChooseFsdpPass> {
  using ChooseFsdpPassBase::ChooseFsdpPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = requireMesh(module);
    if (!mesh)
      return signalPassFailure();
    if (mesh.getAxisSize(kDataAxis) <= 1)
      return;
    analysis::ReshardPlanner planner(mesh);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && function.getBody().hasOneBlock())
        choose(function, planner);
  }

  void choose(func::FuncOp function, analysis::ReshardPlanner &planner) {
    std::optional<Choice> found;
    std::optional<Obstacle> obstacle;
    auto search = [&](func::FuncOp copy, const ShardingTable &table,
                      const PartialFlow &flow) {
      FsdpProblem problem = buildFsdpProblem(copy, table, flow, planner);
      analysis::LayoutConflict conflict;
      auto plan =
          analysis::searchLayouts(problem.graph, /*beam=*/256, &conflict);
      if (!plan)
        return void(obstacle = describe(problem, conflict));
      found = ChoiceReader(problem, *plan).read();
      found->moves = findMoves(problem, *plan, table, flow);
    };
    std::optional<int64_t> gatheredBytes =
        tryOut(function, Choice(), planner, search);
    if (obstacle)
      emitRemark(obstacle->loc)
          << "all parameters are gathered over axis \"" << kDataAxis
          << "\", for no layout serves all ops: " << obstacle->text;
    if (!gatheredBytes || !found)
      return;
    int64_t axisSize = planner.getAtoms().getMesh().getAxisSize(kDataAxis);
    std::optional<int64_t> foundBytes =
        tryOut(function, *found, planner, [](auto &&...) {});
    LLVM_DEBUG(llvm::dbgs() << "@" << function.getName() << ": gathers send "
                            << *gatheredBytes << ", the choice "
                            << foundBytes.value_or(-1) << "\n");
    if (!foundBytes || *foundBytes >= *gatheredBytes) {
      if (found->getNumKept() > 0) {
        ++numFallbacks;
        emitRemark(function.getLoc())
            << "all parameters are gathered over axis \"" << kDataAxis
            << "\" of size " << axisSize << ", which sends " << *gatheredBytes
            << " bytes a rank; to keep " << found->getNumKept()
            << " of them split "
            << (foundBytes ? "would send " + std::to_string(*foundBytes)
                           : "makes a program that cannot be partitioned");
      }
      found = found->gatherAll();
      foundBytes = gatheredBytes;
    }
    write(function, *found);
    numKept += found->getNumKept();
    numGathered += found->parameters.size() - found->getNumKept();
    for (const ParameterChoice &parameter : found->parameters)
      explain(function, parameter, axisSize);
    if (found->getNumKept() > 0)
      emitRemark(function.getLoc())
          << found->getNumKept() << " of " << found->parameters.size()
          << " parameters are kept split over axis \"" << kDataAxis
          << "\" of size " << axisSize << ": a rank sends " << *foundBytes
          << " bytes instead of " << *gatheredBytes;
  }
};
} // namespace
