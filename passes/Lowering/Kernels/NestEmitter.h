//===- NestEmitter.h - Writes vector loops ----------------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_NESTEMITTER_H
#define FABRIC_PASSES_LOWERING_KERNELS_NESTEMITTER_H

#include "passes/Lowering/Kernels/VectorNest.h"

namespace mlir::lowering {

/// Writes the loops of a nest in front of its op, which is left to be erased.
void emitVectorNest(const VectorNest &nest);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_NESTEMITTER_H
