//===- LowerInstructions.cpp - Collectives, views, constants --------------===//
//
// What is neither a contraction nor a structured op: one op becomes one
// instruction. A collective also gets its reason, for people who read the
// report: found by following its value to the parameter it comes from, or to
// the parameter or the result that it is for.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Lowering/Passes.h"
#include "passes/Lowering/Structure.h"

using namespace mlir;

namespace mlir::lowering {
#define GEN_PASS_DEF_LOWERINSTRUCTIONSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;
using exec::CollectiveKind;

//===----------------------------------------------------------------------===//
// Reasons
//===----------------------------------------------------------------------===//

/// The name of the parameter or input that an argument is; empty for others.
static StringRef getArgumentName(func::FuncOp function, unsigned argument) {
  if (auto param = function.getArgAttrOfType<fabric::ParamAttr>(
          argument, fabric::FabricDialect::kParamAttr))
    return param.getName();
  if (auto input = function.getArgAttrOfType<fabric::InputAttr>(
          argument, fabric::FabricDialect::kInputAttr))
    return input.getName();
  return {};
}

/// Ops that pass on what they are given, in another place or shape.
static bool passesOn(Operation *op) {
  auto structured = dyn_cast<fabric::StructuredOpInterface>(op);
  return isa<dist::CollectiveOpInterface, fabric::ReshapeOp, exec::CollectiveOp,
             exec::ViewOp, fabric::CastOp>(op) ||
         (structured && isMovement(structured));
}

/// "w1.weight" where the value is that argument, moved.
static StringRef getSourceName(func::FuncOp function, Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!passesOn(op))
      return {};
    value = op->getOperand(0);
  }
  return getArgumentName(function, cast<BlockArgument>(value).getArgNumber());
}

/// What the value is for: "the gradient of w1.weight", "loss".
static std::string getPurpose(func::FuncOp function, Value value) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<func::ReturnOp>(user))
      if (auto name = function.getResultAttrOfType<StringAttr>(
              use.getOperandNumber(), fabric::FabricDialect::kResultAttr))
        return name.str();
    if (auto update = dyn_cast<fabric::InPlaceOpInterface>(user)) {
      StringRef name = getSourceName(
          function, user->getOperand(update.getUpdatedOperand(0)));
      if (!name.empty())
        return "the gradient of " + name.str();
    }
    if (user->getNumResults() == 1 && passesOn(user)) {
      std::string purpose = getPurpose(function, user->getResult(0));
      if (!purpose.empty())
        return purpose;
    }
  }
  return {};
}

static std::string explain(CollectiveKind kind, Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  std::string source = getSourceName(function, op->getOperand(0)).str();
  std::string purpose = getPurpose(function, op->getResult(0));
  std::string what = !purpose.empty()  ? purpose
                     : !source.empty() ? source
                                       : "an activation";
  switch (kind) {
  case CollectiveKind::AllGather:
    return "gather " + (source.empty() ? what : source + " for use");
  case CollectiveKind::AllSlice:
    return "slice " + what;
  case CollectiveKind::AllToAll:
    return "exchange " + what;
  case CollectiveKind::AllReduce:
  case CollectiveKind::ReduceScatter:
    return "reduce " + what;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {

/// What tells the kinds apart.
struct CollectiveTraits {
  CollectiveKind kind;
  std::optional<int64_t> concatDim, splitDim;
  std::optional<dist::ReductionKind> reduction;
};

CollectiveTraits getTraits(dist::AllGatherOp op) {
  return {CollectiveKind::AllGather, op.getDim(), {}, {}};
}
CollectiveTraits getTraits(dist::AllSliceOp op) {
  return {CollectiveKind::AllSlice, {}, op.getDim(), {}};
}
CollectiveTraits getTraits(dist::ReduceScatterOp op) {
  return {CollectiveKind::ReduceScatter, {}, op.getDim(), op.getReduction()};
}
CollectiveTraits getTraits(dist::AllReduceOp op) {
  return {CollectiveKind::AllReduce, {}, {}, op.getReduction()};
}
CollectiveTraits getTraits(dist::AllToAllOp op) {
  return {CollectiveKind::AllToAll, op.getConcatDim(), op.getSplitDim(), {}};
}

template <typename Op> void lowerCollective(Op op, dist::MeshAttr mesh) {
  OpBuilder builder(op);
  CollectiveTraits traits = getTraits(op);
  auto integer = [&](std::optional<int64_t> value) {
    return value ? builder.getI64IntegerAttr(*value) : IntegerAttr();
  };
  dist::AxesAttr axes = op.getAxes();
  int64_t bytes = op.getBytesSent(axes.getNumParts(mesh));
  auto reduction =
      traits.reduction
          ? dist::ReductionKindAttr::get(op.getContext(), *traits.reduction)
          : dist::ReductionKindAttr();
  auto collective = exec::CollectiveOp::create(
      builder, op.getLoc(), op.getResult().getType(),
      exec::CollectiveKindAttr::get(op.getContext(), traits.kind),
      op.getOperand(), axes, reduction, integer(traits.concatDim),
      integer(traits.splitDim), builder.getI64IntegerAttr(bytes),
      builder.getStringAttr(explain(traits.kind, op)), /*in_place=*/UnitAttr(),
      op->template getAttrOfType<UnitAttr>(dist::DistDialect::kAsyncAttr),
      exec::SlotAttr());
  op.getResult().replaceAllUsesWith(collective.getResult());
  op.erase();
}

struct LowerInstructionsPass
    : lowering::impl::LowerInstructionsPassBase<LowerInstructionsPass> {
  using LowerInstructionsPassBase::LowerInstructionsPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    dist::MeshAttr mesh = dist::getMesh(function);
    function.walk([&](Operation *op) {
      OpBuilder builder(op);
      llvm::TypeSwitch<Operation *>(op)
          .Case<dist::AllGatherOp, dist::AllSliceOp, dist::ReduceScatterOp,
                dist::AllReduceOp, dist::AllToAllOp>(
              [&](auto collective) { lowerCollective(collective, mesh); })
          .Case([&](fabric::ReshapeOp reshape) {
            auto view =
                exec::ViewOp::create(builder, op->getLoc(), reshape.getType(),
                                     reshape.getOperand(), exec::SlotAttr());
            reshape.replaceAllUsesWith(view.getResult());
            reshape.erase();
          })
          .Case([&](fabric::ConstantOp constant) {
            if (isSplatConstant(constant))
              return;
            auto bytes = exec::ConstantOp::create(
                builder, op->getLoc(), constant.getType(), constant.getValue(),
                exec::SlotAttr());
            constant.replaceAllUsesWith(bytes.getResult());
            constant.erase();
          });
    });
  }
};

} // namespace
