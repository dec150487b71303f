//===- Cost.h - How long ops take, and what libraries need -------*- C++
//-*-===//

#ifndef FABRIC_PASSES_SCHEDULE_COST_H
#define FABRIC_PASSES_SCHEDULE_COST_H

#include "mlir/IR/Block.h"

namespace mlir::schedule {

/// What one rank sends; 0 for what is no collective.
int64_t getBytesSent(Operation *op);

/// The bytes that a rank sends while it computes the op: a rough estimate for
/// GPUs of one node, the same for every target, so that plans do not depend on
/// where they are made.
int64_t getWork(Operation *op);

/// Bytes that a GPU's libraries work in beside operands and results: one arena
/// for what runs in the block's order, and one for each stream of asynchronous
/// collectives.
int64_t getScratchBytes(Block &block);

} // namespace mlir::schedule

#endif // FABRIC_PASSES_SCHEDULE_COST_H
