//===- KernelLoops.h - A kernel while it becomes loops ----------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELLOOPS_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELLOOPS_H

#include "passes/Lowering/Kernels/CollapseLoops.h"
#include "passes/Lowering/Kernels/KernelDomain.h"

namespace mlir::lowering {

/// The function's buffers under the collapsed loops of its domain, and the
/// iterations of them that code is being written for.
class KernelLoops {
public:
  /// Gives the function memrefs, of its arguments and then of its results, and
  /// an empty block. The ops stay until `finish`, to say what to compute.
  KernelLoops(func::FuncOp kernel, KernelDomain domain);
  void finish();

  const KernelDomain &getDomain() const { return domain; }
  ArrayRef<Value> getResults() const { return results; }
  OpBuilder &getBuilder() { return builder; }
  Location getLoc() { return kernel.getLoc(); }

  /// Of collapsed loops.
  ArrayRef<int64_t> getSizes() const { return loops.getSizes(); }
  /// From collapsed loops to the dims of a value, collapsed likewise.
  AffineMap getMap(AffineMap map) const { return loops.getView(map).map; }

  Value getArgument(ValueAtMap read);
  Value getResult(unsigned number);
  /// Of a buffer under the collapsed loops, the current part.
  Value getTile(Value buffer, AffineMap map, Location loc);
  Value getArgumentTile(ValueAtMap read);
  Value getResultTile(unsigned number);

  /// A buffer on the stack, for loops of these sizes.
  Value makeBuffer(AffineMap map, ArrayRef<int64_t> sizes, Type element,
                   Location loc);

  /// Of each collapsed loop, how many iterations the current ones are, and
  /// which is the first; none where they are all.
  SmallVector<int64_t> tileSizes;
  SmallVector<OpFoldResult> tileStarts;

private:
  Value collapse(unsigned number, AffineMap map, Location loc);

  func::FuncOp kernel;
  KernelDomain domain;
  CollapsedLoops loops;
  unsigned numArguments;
  OpBuilder builder;
  SmallVector<Value> results;
  Block *entry = nullptr, *oldBlock = nullptr;
};

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELLOOPS_H
