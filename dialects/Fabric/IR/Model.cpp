//===- Model.cpp - The function that is the model -------------------------===//

#include "dialects/Fabric/IR/Model.h"

using namespace mlir;

FailureOr<func::FuncOp> mlir::fabric::findModel(ModuleOp module) {
  func::FuncOp model;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    if (model)
      return function.emitOpError()
             << "is a second public function besides @" << model.getSymName()
             << "; one is the model, make the others private";
    model = function;
  }
  if (!model)
    return module.emitOpError() << "has no public function";
  return model;
}
