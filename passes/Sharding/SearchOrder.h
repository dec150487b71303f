//===- SearchOrder.h - In which order layouts are searched ------*- C++ -*-===//
//
// A training step runs forward and then backward, so half way all activations
// are alive. The search may take ops in any order, and wants few tensors to be
// live: every op of the backward pass is best taken next to the op of the
// forward pass that it is the derivative of. Where it is from is not known any
// more (equal ops have been merged, locations may be anything), but shows in
// what it reads: forward values next to that op, and gradients of what comes
// after it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_SEARCHORDER_H
#define FABRIC_PASSES_SHARDING_SEARCHORDER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::sharding {

/// All ops of the function's block but the terminator, each once, backward ops
/// after the forward ops that they belong to. Results depend on the order in
/// speed only.
SmallVector<Operation *> getSearchOrder(func::FuncOp function);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_SEARCHORDER_H
