//===- MaskPadding.h - Keeps padding out of reductions ----------*- C++ -*-===//
//
// Private to the shard phase. Once dims are padded, what stands behind the true
// elements must not get into a sum, nor into a stored tensor.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_MASKPADDING_H
#define FABRIC_PASSES_SHARDING_MASKPADDING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Sharding/PaddingFlow.h"

namespace mlir::sharding {

/// Inserts masks into a function whose types are padded already, where padding
/// may be anything and matters: where it would be reduced, or stored. `sizes`
/// is of the function's block before. Arguments are zero in their padding.
/// Fails, with a diagnostic, at an op that has no neutral padding. Returns the
/// number of masks.
FailureOr<unsigned> maskPadding(func::FuncOp function,
                                const PaddedSizes &sizes);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_MASKPADDING_H
