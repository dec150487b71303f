//===- ApplyShardings.cpp - What the user asks of the interface -----------===//
//
// A result that has `dist.sharding` is returned through a constraint, after
// training, so that its gradient is not constrained. A parameter's says how it
// is stored; over "tp" that is a style, which the search has to know. Inputs
// are left to dist-pad-uneven and dist-assign-storage.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::DistDialect;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_APPLYSHARDINGSPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

/// The style that splits a parameter over "tp" as the sharding does.
static FailureOr<dist::TpStyle>
findStyle(dist::ShardingAttr sharding,
          function_ref<InFlightDiagnostic()> emitError) {
  std::optional<unsigned> splitDim;
  for (auto [dim, axes] : llvm::enumerate(sharding.getDims()))
    for (dist::AxisRefAttr axis : axes.getRefs()) {
      if (axis.getName() != kTensorAxis)
        continue;
      if (axis.isSubAxis())
        return emitError() << "a part of axis \"" << kTensorAxis
                           << "\" splits dim " << dim
                           << ", expected the whole axis";
      splitDim = dim;
    }
  if (!splitDim)
    return dist::TpStyle::Replicate;
  if (*splitDim > 1)
    return emitError() << "axis \"" << kTensorAxis << "\" splits dim "
                       << *splitDim << ", expected dim 0 or 1";
  return *splitDim == 0 ? dist::TpStyle::Colwise : dist::TpStyle::Rowwise;
}

/// Says, as a style, how the sharding splits the parameter over "tp".
static LogicalResult styleParameter(func::FuncOp function, unsigned index,
                                    dist::ShardingAttr sharding,
                                    dist::InterfaceAttrs &attrs) {
  auto emitParamError = [&] {
    return emitError(function.getArgument(index).getLoc())
           << "sharding of " << nameArgument(function, index) << ": ";
  };
  FailureOr<dist::TpStyle> style = findStyle(sharding, emitParamError);
  if (failed(style))
    return failure();
  auto given =
      function.getArgAttrOfType<dist::TpStyleAttr>(index, DistDialect::kTpAttr);
  int64_t rank = sharding.getRank();
  if (!given) {
    attrs.setArg(index, DistDialect::kTpAttr,
                 dist::TpStyleAttr::get(function.getContext(), *style));
    return success();
  }
  if (getTpDim(given.getValue(), rank) != getTpDim(*style, rank))
    return emitParamError()
           << "disagrees with its style " << stringifyTpStyle(given.getValue())
           << " about axis \"" << kTensorAxis << "\": " << sharding;
  return success();
}

/// Returns the value under the sharding that the result has.
static LogicalResult constrainResult(func::FuncOp function, unsigned index,
                                     dist::ShardingAttr sharding,
                                     dist::InterfaceAttrs &attrs) {
  Operation *terminator = function.getBody().front().getTerminator();
  Value value = terminator->getOperand(index);
  if (function.getResultAttr(index, FabricDialect::kUpdateOfAttr))
    return emitError(value.getLoc())
           << "sharding of " << nameResult(function, index)
           << ": it updates an argument, and is stored as that is";
  OpBuilder builder(terminator);
  terminator->setOperand(
      index, dist::ConstraintOp::create(
                 builder, value.getLoc(), value.getType(), value, sharding,
                 /*chosen=*/false,
                 builder.getStringAttr(nameResult(function, index))));
  attrs.setResult(index, DistDialect::kShardingAttr, {});
  return success();
}

namespace {
struct ApplyShardingsPass
    : public sharding::impl::ApplyShardingsPassBase<ApplyShardingsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && function.getBody().hasOneBlock() &&
          failed(apply(function)))
        return signalPassFailure();
  }

  LogicalResult apply(func::FuncOp function) {
    dist::InterfaceAttrs attrs(function);
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (function.getArgAttr(index, FabricDialect::kParamAttr))
        if (dist::ShardingAttr asked = getAskedArgument(function, index)) {
          if (failed(styleParameter(function, index, asked, attrs)))
            return failure();
          ++numParameters;
        }
    for (unsigned index = 0; index < function.getNumResults(); ++index)
      if (dist::ShardingAttr asked = getAskedResult(function, index)) {
        if (failed(constrainResult(function, index, asked, attrs)))
          return failure();
        ++numResults;
      }
    attrs.apply();
    return success();
  }
};
} // namespace
