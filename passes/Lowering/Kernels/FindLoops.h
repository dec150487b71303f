//===- FindLoops.h - The loops of a kernel's ops ----------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_FINDLOOPS_H
#define FABRIC_PASSES_LOWERING_KERNELS_FINDLOOPS_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

/// For each loop of each op, the loop of the kernel's domain that it is, as
/// far as that is known. Who outlines a kernel knows and says it
/// (`exec.loops`); in others, maps travel through the graph in both directions
/// from the root, as far as they determine the loops of an op.
class FoundLoops {
public:
  /// The domain has the loops of what defines `root`, in their order. Fails
  /// with a diagnostic where attributes are not as they should be.
  static FailureOr<FoundLoops> find(func::FuncOp kernel, Value root,
                                    unsigned numLoops);

  /// Null where unknown.
  const SmallVector<unsigned> *getLoops(Operation *op) const;
  /// A value's dims in the domain, where an op of known loops has it; null
  /// where unknown.
  AffineMap getMap(Value value) const { return values.lookup(value); }

private:
  FoundLoops(func::FuncOp kernel, unsigned numLoops)
      : kernel(kernel), numLoops(numLoops) {}

  LogicalResult readAttributes(Operation *root);
  void propagate(Value root);
  void setLoops(fabric::StructuredOpInterface op, ArrayRef<unsigned> opLoops);
  bool readsOnce(Operation &op) const;
  bool visit(Operation &op);

  func::FuncOp kernel;
  unsigned numLoops;
  DenseMap<Operation *, SmallVector<unsigned>> loops;
  DenseMap<Value, AffineMap> values;
};

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_FINDLOOPS_H
