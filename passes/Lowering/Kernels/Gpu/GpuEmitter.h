//===- GpuEmitter.h - Writes the code of a thread ---------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUEMITTER_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUEMITTER_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Lowering/Kernels/Gpu/GpuNest.h"

namespace mlir::lowering {

/// What the code of a nest is about, in the function that it is written in.
struct GpuOperands {
  /// Flat memrefs, one an operand of the nest; null where it is not used.
  SmallVector<Value> buffers;
  /// For each sum, a flat memref of f64 for the parts that blocks have of it;
  /// null where one block has all.
  SmallVector<Value> parts;
  /// For each sum, the element that it starts from, as it is stored.
  SmallVector<Value> starts;
  /// Values that the body uses and that are from outside of the op.
  IRMapping outside;
};

/// Writes what one thread of the nest's grid does at the end of `function`.
void emitGpuNest(const GpuNest &nest, gpu::GPUFuncOp function,
                 const GpuOperands &operands);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUEMITTER_H
