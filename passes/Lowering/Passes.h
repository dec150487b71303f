//===- Passes.h - From a scheduled program to instructions ------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_PASSES_H
#define FABRIC_PASSES_LOWERING_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::lowering {

#define GEN_PASS_DECL
#include "passes/Lowering/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Lowering/Passes.h.inc"

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_PASSES_H
