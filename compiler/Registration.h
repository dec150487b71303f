//===- Registration.h - All dialects and passes of Fabric -------*- C++ -*-===//

#ifndef FABRIC_COMPILER_REGISTRATION_H
#define FABRIC_COMPILER_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::fabric {

/// Our dialects, and those of MLIR that models and lowered kernels are in.
void registerDialects(DialectRegistry &registry);

/// Every pass and pipeline, for `fabric-opt`.
void registerPasses();

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_REGISTRATION_H
