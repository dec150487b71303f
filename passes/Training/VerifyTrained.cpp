//===- VerifyTrained.cpp - What the train phase leaves behind -------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"
#include "llvm/ADT/StringSet.h"

#define DEBUG_TYPE "fabric-verify-trained"

namespace mlir::training {
#define GEN_PASS_DEF_VERIFYTRAINEDPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

using namespace mlir;
using namespace mlir::training;
using fabric::FabricDialect;

/// T2
static LogicalResult verifyNames(func::FuncOp model) {
  llvm::StringSet<> names;
  for (unsigned index = 0; index < model.getNumResults(); ++index)
    if (auto name = model.getResultAttrOfType<StringAttr>(
            index, FabricDialect::kResultAttr))
      if (!names.insert(name.getValue()).second)
        return model.emitOpError() << "has two results named " << name;
  return success();
}

/// Each argument of `expected`, and no other, has one result that is its update
/// or gradient, of its type.
static LogicalResult
verifyOneEach(func::FuncOp model, StringRef what, ArrayRef<unsigned> expected,
              std::optional<unsigned> (*argumentOf)(func::FuncOp, unsigned)) {
  llvm::SmallDenseSet<unsigned> open(expected.begin(), expected.end());
  for (unsigned index = 0; index < model.getNumResults(); ++index) {
    std::optional<unsigned> argument = argumentOf(model, index);
    if (!argument)
      continue;
    if (!open.erase(*argument))
      return model.emitOpError()
             << "result " << index << " is a second " << what << " of argument "
             << *argument << ", or one of an argument that has none";
    if (model.getArgumentTypes()[*argument] != model.getResultTypes()[index])
      return model.emitOpError()
             << "result " << index << " is the " << what << " of argument "
             << *argument << " of type " << model.getArgumentTypes()[*argument]
             << ", found " << model.getResultTypes()[index];
  }
  for (unsigned argument : expected)
    if (open.contains(argument))
      return model.emitOpError()
             << "argument " << argument << " has no " << what;
  return success();
}

static LogicalResult verifyScalars(func::FuncOp model) {
  llvm::StringSet<> missing({"lr", "step"});
  for (unsigned index = 0; index < model.getNumArguments(); ++index)
    if (auto scalar = model.getArgAttrOfType<fabric::ScalarAttr>(
            index, FabricDialect::kScalarAttr))
      missing.erase(scalar.getName().getValue());
  if (!missing.empty())
    return model.emitOpError() << "lacks a scalar lr or step";
  return success();
}

namespace {
struct VerifyTrainedPass
    : public mlir::training::impl::VerifyTrainedPassBase<VerifyTrainedPass> {
  void runOnOperation() override {
    if (failed(verifyModule(getOperation())))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

  static LogicalResult verifyModule(ModuleOp module) {
    if (module->hasAttr(FabricDialect::kTrainAttr)) // T1
      return module.emitOpError()
             << "still carries " << FabricDialect::kTrainAttr;
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(verifyNames(function)))
        return failure();
    auto trained =
        module->getAttrOfType<fabric::TrainAttr>(FabricDialect::kTrainedAttr);
    if (!trained)
      return success();
    FailureOr<func::FuncOp> model = getModel(module);
    if (failed(model))
      return failure();
    SmallVector<unsigned> parameters = getTrainableArguments(*model);
    if (trained.getMode() == fabric::TrainMode::Gradients) // T4
      return success(
          succeeded(
              verifyOneEach(*model, "gradient", parameters, getGradientOf)) &&
          succeeded(verifyOneEach(*model, "update", {}, getUpdateOf)));
    SmallVector<unsigned> updated = parameters; // T3
    for (unsigned index = 0; index < model->getNumArguments(); ++index)
      if (model->getArgAttr(index, FabricDialect::kStateAttr))
        updated.push_back(index);
    return success(
        succeeded(verifyOneEach(*model, "update", updated, getUpdateOf)) &&
        succeeded(verifyOneEach(*model, "gradient", {}, getGradientOf)) &&
        succeeded(verifyScalars(*model)));
  }
};
} // namespace
