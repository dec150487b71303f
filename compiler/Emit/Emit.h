//===- Emit.h - From planned IR to the plan ---------------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_EMIT_EMIT_H
#define FABRIC_COMPILER_EMIT_EMIT_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "runtime/Plan/Plan.h"

namespace mlir::fabric {

/// The plan of a module that the lower phase has left: one instruction an op,
/// in block order, the kernels compiled. Decides nothing. Fills everything but
/// `options` and `fingerprint`, which only the driver knows. Fails with a
/// diagnostic.
FailureOr<::fabric::plan::Plan> emitPlan(ModuleOp module,
                                         const lowering::KernelTarget &target);

/// The plan's name of an element type; fails where the runtime has none.
FailureOr<::fabric::plan::DType> toPlanDType(Type elementType);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_EMIT_EMIT_H
