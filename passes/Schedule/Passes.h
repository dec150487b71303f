//===- Passes.h - One order of instructions ---------------------*- C++ -*-===//

#ifndef FABRIC_PASSES_SCHEDULE_PASSES_H
#define FABRIC_PASSES_SCHEDULE_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::schedule {

#define GEN_PASS_DECL
#include "passes/Schedule/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Schedule/Passes.h.inc"

} // namespace mlir::schedule

#endif // FABRIC_PASSES_SCHEDULE_PASSES_H
