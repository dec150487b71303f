//===- Shrink.h - Small programs that fail the same way ---------*- C++ -*-===//

#ifndef FABRIC_TEST_GENERATE_SHRINK_H
#define FABRIC_TEST_GENERATE_SHRINK_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fabric::generate {

/// Makes a program smaller as long as `isInteresting` says that what is left
/// still shows what the program showed: drops results, puts operands, constants
/// and new inputs in the place of ops, drops styles, batch dims and
/// constraints, training, and axes of the mesh. Greedy, to a fixed point. Every
/// candidate verifies; the program itself must be interesting.
OwningOpRef<ModuleOp> shrink(ModuleOp program,
                             function_ref<bool(ModuleOp)> isInteresting);

/// Ops of the model without the terminator.
unsigned countOps(ModuleOp program);

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_SHRINK_H
