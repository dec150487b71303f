//===- MadeFromArgument.h - What can be made again at any time --*- C++ -*-===//

#ifndef FABRIC_PASSES_SCHEDULE_MADEFROMARGUMENT_H
#define FABRIC_PASSES_SCHEDULE_MADEFROMARGUMENT_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::schedule {

/// The ops of a block whose results depend on one argument of the block alone,
/// or on nothing: chains of pure ops with at most one operand, such as a gather
/// of a stored weight and a cast of it. Their operands are alive everywhere, so
/// when they run is a matter of memory only.
class MadeFromArgument {
public:
  explicit MadeFromArgument(Block &block);

  bool contains(Operation *op) const { return ops.contains(op); }

  /// From the argument, or a constant, to `op`, in order.
  SmallVector<Operation *> getChain(Operation *op) const;

private:
  DenseSet<Operation *> ops;
};

} // namespace mlir::schedule

#endif // FABRIC_PASSES_SCHEDULE_MADEFROMARGUMENT_H
