//===- KernelBody.h - The scalars of a kernel's loops -----------*- C++ -*-===//
//
// A value of the kernel at a map is a scalar in the body of its loops: an
// element that was loaded, a constant, or what an op's body makes of its
// operands at their maps.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELBODY_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELBODY_H

#include "passes/Lowering/Kernels/KernelDomain.h"

namespace mlir::lowering {

/// An element as loaded, in the type that is computed in.
Value fromStorage(OpBuilder &b, Location loc, Value stored, Type element);

/// The reverse, which rounds.
Value toStorage(OpBuilder &b, Location loc, Value computed, Type element);

class KernelBody {
public:
  /// Ops go to the end of `block`, constants to where `outside` is.
  KernelBody(const KernelDomain &domain, Block *block, const OpBuilder &outside)
      : domain(domain), builder(outside), outside(outside) {
    builder.setInsertionPointToEnd(block);
  }

  OpBuilder &getBuilder() { return builder; }

  /// Gives what is not computed from others.
  void set(ValueAtMap at, Value scalar) { scalars[at] = scalar; }
  /// Gives an element as it is stored.
  void setStored(ValueAtMap at, Value stored) {
    set(at, fromStorage(builder, stored.getLoc(), stored,
                        getElementTypeOrSelf(at.first.getType())));
  }

  /// What a result of the function is at its place; of a reduction, a term of
  /// it. Not yet rounded to its type.
  Value getResult(Value value, const KernelDomain::Result &place);

private:
  SmallVector<Value> applyOp(fabric::StructuredOpInterface op,
                             ArrayRef<unsigned> opLoops);
  Value getScalar(ValueAtMap at);
  Value getConstant(Location loc, Type element, Attribute value);

  const KernelDomain &domain;
  OpBuilder builder, outside;
  DenseMap<ValueAtMap, Value> scalars;
};

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELBODY_H
