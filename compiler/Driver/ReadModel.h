//===- ReadModel.h - A model's file as a module -----------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_READMODEL_H
#define FABRIC_COMPILER_DRIVER_READMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>

namespace mlir::fabric {

struct Model {
  std::string text; ///< As it stands in the file.
  OwningOpRef<ModuleOp> module;
};

/// Reads and verifies an MLIR file that holds one model: one public function
/// whose every argument says what it is. Fails with diagnostics that name the
/// file and, where there is one, the line.
FailureOr<Model> readModel(MLIRContext *context, StringRef path);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_READMODEL_H
