//===- ChooseTp.cpp - Chooses tensor-parallel styles by cost --------------===//
//
// Makes the function a graph of strategies (ChooseTpGraph.h), finds the
// cheapest choice for forward and backward together (LayoutSearch.h), and
// writes down what it says about parameters without a style. Layouts of
// activations follow from those by propagation.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/ChooseTpLayouts.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/Strategies.h"
#include "llvm/Support/Debug.h"

#define DEBUG_TYPE "dist-choose-tp"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::DistDialect;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_CHOOSETPPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

static RankedTensorType getParameterType(func::FuncOp function,
                                         const TpParameter &parameter) {
  return cast<RankedTensorType>(
      function.getArgumentTypes()[parameter.argument]);
}

/// Says why: what a rank holds and computes, against a replicated parameter.
static void explain(func::FuncOp function, const TpProblem &problem,
                    const analysis::LayoutPlan &plan,
                    const TpParameter &parameter, dist::TpStyle style) {
  RankedTensorType type = getParameterType(function, parameter);
  auto attr = function.getArgAttrOfType<fabric::ParamAttr>(
      parameter.argument, FabricDialect::kParamAttr);
  int64_t axisSize = problem.graph.axisSize;
  int64_t flops = 0, wholeFlops = 0;
  for (unsigned product : parameter.products) {
    flops += problem.graph.ops[product]
                 .strategies[plan.strategies[product]]
                 .cost.flops;
    wholeFlops += problem.wholeFlops[product];
  }
  int64_t bytes = fabric::getNumBytes(type);
  bool isSplit = getTpDim(style, type.getRank()).has_value();

  InFlightDiagnostic remark =
      emitRemark(function.getArgument(parameter.argument).getLoc());
  remark << "parameter " << attr.getName() << ": "
         << dist::stringifyTpStyle(style) << " over axis \"" << kTensorAxis
         << "\" of size " << axisSize;
  if (!isSplit && parameter.styles.size() == 1) {
    remark << ", which divides no dim that a style splits of " << type;
    return;
  }
  if (!isSplit) {
    remark << ", for to split it makes nothing cheaper: " << bytes
           << " bytes a rank";
    return;
  }
  remark << ": " << bytes / axisSize << " bytes a rank instead of " << bytes;
  if (wholeFlops > 0)
    remark << ", " << flops << " FLOPs of its products instead of "
           << wholeFlops;
}

/// The sum of it all.
static void explain(func::FuncOp function, const TpProblem &problem,
                    const analysis::LayoutPlan &plan) {
  int64_t wholeFlops = 0, wholeBytes = 0;
  for (int64_t flops : problem.wholeFlops)
    wholeFlops += flops;
  for (const TpParameter &parameter : problem.parameters)
    if (RankedTensorType type = getParameterType(function, parameter);
        type.getRank() >= 2)
      wholeBytes += fabric::getNumBytes(type);
  const analysis::LayoutCost &cost = plan.totals.cost;
  emitRemark(function.getLoc())
      << "tensor parallelism over axis \"" << kTensorAxis << "\" of size "
      << problem.graph.axisSize << ": sends " << plan.totals.sentBytes
      << " bytes a rank in " << cost.numCollectives
      << (cost.numCollectives == 1 ? " collective; " : " collectives; ")
      << cost.flops << " FLOPs of products instead of " << wholeFlops << ", "
      << cost.weightBytes << " bytes of weights instead of " << wholeBytes;
}

/// Static ranked tensors in one block; what does not hold here is refused, with
/// a better diagnostic, by the passes that follow.
static bool canBeSearched(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return false;
  auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
  if (!llvm::all_of(function.getArgumentTypes(), isTensor))
    return false;
  for (Operation &op : function.getBody().front())
    if (op.getNumRegions() != 0 ||
        !llvm::all_of(op.getOperandTypes(), isTensor) ||
        !llvm::all_of(op.getResultTypes(), isTensor))
      return false;
  return true;
}

static bool isOpen(func::FuncOp function, unsigned argument) {
  return function.getArgAttr(argument, FabricDialect::kParamAttr) &&
         !function.getArgAttr(argument, DistDialect::kTpAttr);
}

namespace {
struct ChooseTpPass : public sharding::impl::ChooseTpPassBase<ChooseTpPass> {
  using ChooseTpPassBase::ChooseTpPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = requireMesh(module);
    if (!mesh)
      return signalPassFailure();
    if (mesh.getAxisSize(kTensorAxis) <= 1)
      return;
    for (auto function : module.getOps<func::FuncOp>()) {
      auto arguments = llvm::seq<unsigned>(0, function.getNumArguments());
      if (canBeSearched(function) &&
          llvm::any_of(arguments, [&](unsigned argument) {
            return isOpen(function, argument);
          }))
        choose(function, mesh);
    }
  }

  void choose(func::FuncOp function, dist::MeshAttr mesh) {
    TpProblem problem = buildTpProblem(function, mesh);
    analysis::LayoutConflict conflict;
    std::optional<analysis::LayoutPlan> plan =
        analysis::searchLayouts(problem.graph, /*beam=*/256, &conflict);
    if (!plan) {
      Value value = problem.values[conflict.tensor];
      Operation *user = problem.operations[conflict.user];
      InFlightDiagnostic error =
          emitError(user ? user->getLoc() : value.getLoc())
          << "no layout over axis \"" << kTensorAxis
          << "\" serves all ops of function @" << function.getName() << ": "
          << describe(conflict, value, user);
      error.attachNote(value.getLoc()) << "left here";
      return signalPassFailure();
    }
    numTransitions += plan->numTransitions;
    numKept.updateMax(plan->numKept);
    numCut += plan->isCut;
    LLVM_DEBUG(llvm::dbgs()
               << "@" << function.getName() << ": " << problem.graph.ops.size()
               << " ops, " << plan->numTransitions << " transitions, at most "
               << plan->numKept << " partial plans\n");
    dist::InterfaceAttrs attrs(function);
    for (const TpParameter &parameter : problem.parameters) {
      if (parameter.isGiven)
        continue;
      dist::TpStyle style = parameter.styles[plan->strategies[parameter.op]];
      attrs.setArg(parameter.argument, DistDialect::kTpAttr,
                   dist::TpStyleAttr::get(&getContext(), style));
      ++numChosen;
      explain(function, problem, *plan, parameter, style);
    }
    attrs.apply();
    explain(function, problem, *plan);
    numConstraints += constrainLayouts(function, problem, *plan, mesh);
  }
};
} // namespace
