//===- Passes.h - From kernels to vector code -------------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_PASSES_H
#define FABRIC_PASSES_LOWERING_KERNELS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::lowering {

#define GEN_PASS_DECL
#include "passes/Lowering/Kernels/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Lowering/Kernels/Passes.h.inc"

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_PASSES_H
