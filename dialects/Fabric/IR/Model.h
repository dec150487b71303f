//===- Model.h - The function that is the model -----------------*- C++ -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_MODEL_H
#define FABRIC_DIALECTS_FABRIC_MODEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fabric {

/// The one public function of the module that has a body. Fails with a
/// diagnostic.
FailureOr<func::FuncOp> findModel(ModuleOp module);

} // namespace mlir::fabric

#endif // FABRIC_DIALECTS_FABRIC_MODEL_H
