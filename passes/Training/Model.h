//===- Model.h - The function that is trained -------------------*- C++ -*-===//

#ifndef FABRIC_PASSES_TRAINING_MODEL_H
#define FABRIC_PASSES_TRAINING_MODEL_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::training {

/// The model, if it is of one block. Fails with a diagnostic.
FailureOr<func::FuncOp> getModel(ModuleOp module);

/// The parameter that argument `index` is, or null.
fabric::ParamAttr getParam(func::FuncOp model, unsigned index);

/// Arguments that are parameters and not frozen, in order.
SmallVector<unsigned> getTrainableArguments(func::FuncOp model);

/// The argument that result `index` is the gradient or the update of, if it is.
std::optional<unsigned> getGradientOf(func::FuncOp model, unsigned index);
std::optional<unsigned> getUpdateOf(func::FuncOp model, unsigned index);

/// The index of the loss, the first named float result of rank 0, if there is
/// one.
std::optional<unsigned> findLoss(func::FuncOp model);

/// Erases ops whose results are not used, and what only they used.
void eraseDeadOps(func::FuncOp model);

} // namespace mlir::training

#endif // FABRIC_PASSES_TRAINING_MODEL_H
