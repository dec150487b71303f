//===- Model.cpp - The function that is trained ---------------------------===//

#include "passes/Training/Model.h"
#include "dialects/Fabric/IR/Model.h"

using namespace mlir;
using fabric::FabricDialect;

FailureOr<func::FuncOp> mlir::training::getModel(ModuleOp module) {
  FailureOr<func::FuncOp> model = fabric::findModel(module);
  if (succeeded(model) && !model->getBody().hasOneBlock())
    return model->emitOpError() << "must be one block to be trained, found "
                                << model->getBody().getBlocks().size();
  return model;
}

fabric::ParamAttr mlir::training::getParam(func::FuncOp model, unsigned index) {
  return model.getArgAttrOfType<fabric::ParamAttr>(index,
                                                   FabricDialect::kParamAttr);
}

SmallVector<unsigned>
mlir::training::getTrainableArguments(func::FuncOp model) {
  SmallVector<unsigned> indices;
  for (unsigned index = 0; index < model.getNumArguments(); ++index)
    if (fabric::ParamAttr param = getParam(model, index))
      if (!param.getFrozen())
        indices.push_back(index);
  return indices;
}

static std::optional<unsigned> namedArgument(func::FuncOp model, unsigned index,
                                             StringRef attr) {
  auto argument = model.getResultAttrOfType<IntegerAttr>(index, attr);
  if (!argument)
    return std::nullopt;
  return static_cast<unsigned>(argument.getInt());
}

std::optional<unsigned> mlir::training::getGradientOf(func::FuncOp model,
                                                      unsigned index) {
  return namedArgument(model, index, FabricDialect::kGradientOfAttr);
}

std::optional<unsigned> mlir::training::getUpdateOf(func::FuncOp model,
                                                    unsigned index) {
  return namedArgument(model, index, FabricDialect::kUpdateOfAttr);
}

std::optional<unsigned> mlir::training::findLoss(func::FuncOp model) {
  for (auto [index, type] : llvm::enumerate(model.getResultTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (model.getResultAttr(index, FabricDialect::kResultAttr) && tensor &&
        tensor.getRank() == 0 && isa<FloatType>(tensor.getElementType()))
      return index;
  }
  return std::nullopt;
}

void mlir::training::eraseDeadOps(func::FuncOp model) {
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(model.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}
