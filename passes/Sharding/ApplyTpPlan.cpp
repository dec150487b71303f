//===- ApplyTpPlan.cpp - Reads tensor-parallel styles from a plan file ----===//
//
// Reads and checks the whole file, finds for every parameter the keys that
// match it, and then sets the attributes.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/TpPlan.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::sharding;

namespace mlir::sharding {
#define GEN_PASS_DEF_APPLYTPPLANPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

/// An entry, and whether a parameter matched it.
namespace {
struct PlanEntry : TpPlanEntry {
  explicit PlanEntry(TpPlanEntry entry) : TpPlanEntry(std::move(entry)) {}
  bool used = false;
};
} // namespace

static FailureOr<std::vector<PlanEntry>>
readPlan(StringRef file, function_ref<InFlightDiagnostic()> emitError) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer)
    return emitError() << "cannot be read: " << buffer.getError().message();
  llvm::Expected<std::vector<TpPlanEntry>> parsed =
      parseTpPlan((*buffer)->getBuffer());
  if (!parsed)
    return emitError() << llvm::toString(parsed.takeError());
  std::vector<PlanEntry> entries;
  for (TpPlanEntry &entry : *parsed)
    entries.emplace_back(std::move(entry));
  return entries;
}

namespace {
struct ApplyTpPlanPass
    : public sharding::impl::ApplyTpPlanPassBase<ApplyTpPlanPass> {
  using ApplyTpPlanPassBase::ApplyTpPlanPassBase;

  void runOnOperation() override {
    if (plan.empty())
      return;
    auto emitPlanError = [&] {
      return emitError(getOperation().getLoc())
             << "tensor-parallel plan " << plan << ": ";
    };
    FailureOr<std::vector<PlanEntry>> entries = readPlan(plan, emitPlanError);
    if (failed(entries))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      dist::InterfaceAttrs attrs(function);
      for (unsigned index = 0; index < function.getNumArguments(); ++index)
        if (failed(applyTo(function, index, *entries, attrs, emitPlanError)))
          return signalPassFailure();
      attrs.apply();
    }
    for (const PlanEntry &entry : *entries)
      if (!entry.used) {
        emitPlanError() << "key \"" << *entry.key << "\" matches no parameter";
        return signalPassFailure();
      }
  }

  /// Gives argument `index` the style of the entries that match it.
  LogicalResult applyTo(func::FuncOp function, unsigned index,
                        MutableArrayRef<PlanEntry> entries,
                        dist::InterfaceAttrs &attrs,
                        function_ref<InFlightDiagnostic()> emitPlanError) {
    auto param = function.getArgAttrOfType<fabric::ParamAttr>(
        index, fabric::FabricDialect::kParamAttr);
    if (!param)
      return success();
    const PlanEntry *found = nullptr;
    for (PlanEntry &entry : entries) {
      if (!entry.matchesParameter(param.getName().getValue()))
        continue;
      entry.used = true;
      if (found && found->style != entry.style)
        return emitPlanError()
               << "keys \"" << *found->key << "\" and \"" << *entry.key
               << "\" disagree about parameter " << param.getName() << ": "
               << stringifyTpStyle(found->style) << " and "
               << stringifyTpStyle(entry.style);
      found = &entry;
    }
    if (!found)
      return success();
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
    if (failed(verifyTpStyle(function.getArgument(index).getLoc(),
                             param.getName(), type, found->style)))
      return failure();
    attrs.setArg(index, dist::DistDialect::kTpAttr,
                 dist::TpStyleAttr::get(&getContext(), found->style));
    ++numStyled;
    return success();
  }
};
} // namespace
