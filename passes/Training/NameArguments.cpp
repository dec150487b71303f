//===- NameArguments.cpp - Arguments that are called what they are --------===//
//
// Names of values are not part of the IR, but locations are, and MLIR's printer
// can name values by them. With its name in its location, a parameter is
// `%w1.weight` in the IR of every phase, and so is what is made at its
// location: the gathered weight is `%w1.weight_0`.
//
//===----------------------------------------------------------------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"

using namespace mlir;
using namespace mlir::fabric;

namespace mlir::training {
#define GEN_PASS_DEF_NAMEARGUMENTSPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

/// The name of an argument by what it is; empty where nothing says so.
static std::string findRoleName(func::FuncOp model, unsigned index) {
  if (auto input =
          model.getArgAttrOfType<InputAttr>(index, FabricDialect::kInputAttr))
    return input.getName().str();
  if (ParamAttr param = training::getParam(model, index))
    return param.getName().str();
  if (auto state =
          model.getArgAttrOfType<StateAttr>(index, FabricDialect::kStateAttr))
    return (state.getParam().getValue() + "." + state.getName().getValue())
        .str();
  if (auto scalar =
          model.getArgAttrOfType<ScalarAttr>(index, FabricDialect::kScalarAttr))
    return scalar.getName().str();
  return "";
}

namespace {
struct NameArgumentsPass
    : training::impl::NameArgumentsPassBase<NameArgumentsPass> {
  void runOnOperation() override {
    FailureOr<func::FuncOp> model = training::getModel(getOperation());
    if (failed(model))
      return signalPassFailure();
    for (BlockArgument argument : model->getArguments()) {
      std::string name = findRoleName(*model, argument.getArgNumber());
      if (name.empty())
        continue;
      // A state that was made at its parameter's location has another name.
      Location loc = argument.getLoc();
      if (auto named = dyn_cast<NameLoc>(loc))
        loc = named.getChildLoc();
      argument.setLoc(NameLoc::get(StringAttr::get(&getContext(), name), loc));
    }
  }
};
} // namespace
