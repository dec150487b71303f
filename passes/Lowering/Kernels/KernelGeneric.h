//===- KernelGeneric.h - A linalg.generic of a kernel -----------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELGENERIC_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELGENERIC_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "passes/Lowering/Kernels/KernelLoops.h"

namespace mlir::lowering {

/// What a generic is to write.
struct GenericOutput {
  Value value; ///< Of the kernel.
  const KernelDomain::Result *place;
  Value buffer;         ///< The current part, under the collapsed loops.
  AffineMap map;        ///< From those.
  bool isTotal = false; ///< Adds to what is there, in f64.
  bool isStreamed = false;

  bool isReduced() const { return map.getNumResults() != map.getNumDims(); }
};

/// What a generic reads, beside arguments.
struct GenericInputs {
  /// Scalars from before the loops.
  ArrayRef<std::pair<ValueAtMap, Value>> scalars;
  /// Buffers of the first ones of the domain's `inner`.
  ArrayRef<Value> inner;
  /// Values of the kernel that stages before have kept, and where.
  ArrayRef<std::pair<ValueAtMap, Value>> kept;
};

/// Fills a buffer with what the reduction that gives the value starts from.
void fillNeutral(KernelLoops &loops, Value value, Value buffer, Type element);

/// Over the current iterations of all loops; where `isOfRows`, of those alone
/// that the outputs have.
linalg::GenericOp buildGeneric(KernelLoops &loops,
                               ArrayRef<GenericOutput> outputs,
                               const GenericInputs &known,
                               bool isOfRows = false);

/// A generic of sums alone need not read all arguments.
void dropUnusedInputs(linalg::GenericOp generic);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELGENERIC_H
