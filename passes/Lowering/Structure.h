//===- Structure.h - What a structured op does, told by its body *- C++ -*-===//
//
// Lowering looks at loops and bodies, never at names: a new op that adds is
// fused as an add.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_STRUCTURE_H
#define FABRIC_PASSES_LOWERING_STRUCTURE_H

#include "dialects/Fabric/IR/Fabric.h"

namespace mlir::lowering {

/// Whether the op only moves elements of its one operand: broadcast, transpose.
bool isMovement(fabric::StructuredOpInterface op);

/// Whether the op adds two tensors elementwise.
bool isElementwiseAdd(fabric::StructuredOpInterface op);

/// Whether the constant is a splat: then it is a number in a kernel.
bool isSplatConstant(Operation *op);

/// The loops that index the dims of operand or result `index` (results follow
/// operands), in order.
SmallVector<unsigned> getDimLoops(fabric::StructuredOpInterface op,
                                  unsigned index);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_STRUCTURE_H
