//===- Passes.h - From shardings to one rank's program ----------*- C++ -*-===//

#ifndef FABRIC_PASSES_PARTITION_PASSES_H
#define FABRIC_PASSES_PARTITION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::partition {

#define GEN_PASS_DECL
#include "passes/Partition/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Partition/Passes.h.inc"

} // namespace mlir::partition

#endif // FABRIC_PASSES_PARTITION_PASSES_H
