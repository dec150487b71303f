//===- PromoteToF64.h - A model with all its numbers in f64 -----*- C++ -*-===//

#ifndef FABRIC_COMPILER_VERIFY_PROMOTETOF64_H
#define FABRIC_COMPILER_VERIFY_PROMOTETOF64_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fabric {

/// Rewrites every float type of the module, in signatures, values and
/// constants, to f64, and drops the casts between float types that this leaves
/// without a purpose. What the program means in exact arithmetic stays; what it
/// loses to rounding goes, so that sharded and unsharded runs can be compared
/// to 1e-12.
void promoteToF64(ModuleOp module);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_PROMOTETOF64_H
