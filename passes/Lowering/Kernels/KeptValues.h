//===- KeptValues.h - What stages of rows leave for later ones --*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KEPTVALUES_H
#define FABRIC_PASSES_LOWERING_KERNELS_KEPTVALUES_H

#include "passes/Lowering/Kernels/KernelDomain.h"

namespace mlir::lowering {

/// A value that more than one stage of a row needs and that takes a function
/// (`exp`, `tanh`) to compute, which costs more than to keep it in the cache:
/// softmax sums exponentials, and divides them.
struct KeptValue : KernelDomain::Result {
  Value value;
  unsigned stage = 0; ///< The first that needs it.
};

/// In the order in which they are needed. `results` are those of the kernel.
SmallVector<KeptValue> findKeptValues(const KernelDomain &domain,
                                      ArrayRef<Value> results);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KEPTVALUES_H
