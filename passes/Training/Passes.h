//===- Passes.h - From a model to a training step ---------------*- C++ -*-===//

#ifndef FABRIC_PASSES_TRAINING_PASSES_H
#define FABRIC_PASSES_TRAINING_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::training {

#define GEN_PASS_DECL
#include "passes/Training/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Training/Passes.h.inc"

/// Derivatives of ops of other dialects that stand in models: constraints.
void registerDerivatives(DialectRegistry &registry);

} // namespace mlir::training

#endif // FABRIC_PASSES_TRAINING_PASSES_H
