//===- KernelsToLinalg.h - One linalg.generic of a kernel -------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

/// What the pass `lower-kernels-to-linalg` does to one kernel. Fails with a
/// diagnostic where it is none.
LogicalResult lowerKernelToLinalg(func::FuncOp kernel, int64_t streamBytes);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H
