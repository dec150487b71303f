//===- KernelsToLinalg.h - The linalg ops of a kernel -----------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

struct KernelLoopOptions {
  /// Size from which on a result bypasses the caches.
  int64_t streamBytes;
  /// Bytes that the rows read and write which go through a kernel's stages
  /// together; of long rows one does. 0: all rows do, and stages are loops one
  /// after the other.
  int64_t rowBytes;
};

/// What the pass `lower-kernels-to-linalg` does to one kernel. Fails with a
/// diagnostic where it is none.
LogicalResult lowerKernelToLinalg(func::FuncOp kernel,
                                  const KernelLoopOptions &options);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELSTOLINALG_H
