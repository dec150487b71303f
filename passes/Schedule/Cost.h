//===- Cost.h - How long ops take, in bytes sent ----------------*- C++ -*-===//

#ifndef FABRIC_PASSES_SCHEDULE_COST_H
#define FABRIC_PASSES_SCHEDULE_COST_H

#include "mlir/IR/Operation.h"

namespace mlir::schedule {

/// What one rank sends; 0 for what is no collective.
int64_t getBytesSent(Operation *op);

/// The bytes that a rank sends while it computes the op: a rough estimate for
/// GPUs of one node, the same for every target, so that plans do not depend on
/// where they are made.
int64_t getWork(Operation *op);

} // namespace mlir::schedule

#endif // FABRIC_PASSES_SCHEDULE_COST_H
