//===- DenseConstants.h - Constants made dense ------------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_DENSECONSTANTS_H
#define FABRIC_COMPILER_DRIVER_DENSECONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fabric {

/// A constant may be written sparse, or have its elements in the file's
/// resources: makes both dense, which is all that is read from there on. Fails,
/// with a diagnostic, on elements that are nowhere or not as many as the type
/// has.
LogicalResult makeConstantsDense(ModuleOp module);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_DENSECONSTANTS_H
