//===- Passes.h - The passes of the shard phase -----------------*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_PASSES_H
#define FABRIC_PASSES_SHARDING_PASSES_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::sharding {

#define GEN_PASS_DECL
#include "passes/Sharding/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Sharding/Passes.h.inc"

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_PASSES_H
