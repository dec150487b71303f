//===- BoxCopies.h - The kernel of an op that copies boxes ------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_BOXCOPIES_H
#define FABRIC_PASSES_LOWERING_KERNELS_BOXCOPIES_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

/// Rewrites a kernel that is nothing but `op` to linalg on memrefs, of its
/// arguments and then of its result: a fill, then a copy a box.
void buildBoxCopies(func::FuncOp kernel, fabric::BoxCopyOpInterface op);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_BOXCOPIES_H
