//===- KernelDomain.h - The loops that a kernel runs over -------*- C++ -*-===//
//
// Ops of a kernel each have loops of their own; here they get one set of loops,
// the domain, by composing their maps through the values between them.
//
// Where ops read what others of the kernel reduce, a kernel has *rows*: the
// iterations of the loops that all these reductions keep. A row goes through
// stages. The reductions of a stage are complete before the next begins.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELDOMAIN_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELDOMAIN_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::lowering {

/// A tensor's elements as the domain's loops see them: a projected permutation
/// from loops to the tensor's dims.
using ValueAtMap = std::pair<Value, AffineMap>;

struct KernelDomain {
  struct Result {
    /// From the domain's loops to the result's dims. Loops that are not in it
    /// are reduced over.
    AffineMap map;
    /// For each loop of the op that defines the result, the domain's. Empty
    /// where the result is an argument or a constant.
    SmallVector<unsigned> opLoops;
  };

  /// A reduction whose result other ops of the kernel read.
  struct Inner : Result {
    OpResult value;
    unsigned stage = 0;
  };

  SmallVector<int64_t> sizes;
  SmallVector<Result> results;
  /// By stage.
  SmallVector<Inner> inner;
  /// The loops that all of `inner` keep.
  llvm::SmallBitVector rowLoops;
  /// What is read of arguments, in order of first use. An argument may be read
  /// in several ways.
  llvm::SmallSetVector<ValueAtMap, 8> reads;

  /// Whether a value at this map has one element for each row.
  bool isRowWise(AffineMap map) const;
  /// Null where no op of the kernel reads the value, or it is not reduced.
  const Inner *findInner(Value value) const;
};

/// Fails with a diagnostic where the function is not a kernel.
FailureOr<KernelDomain> getKernelDomain(func::FuncOp kernel);

/// Whether the op reduces over a loop.
bool isReduction(fabric::StructuredOpInterface op);

/// For an op that does not reduce, the loops of the domain that its own loops
/// are, where its result is wanted at `resultMap`.
SmallVector<unsigned> getOpLoops(fabric::StructuredOpInterface op,
                                 unsigned result, AffineMap resultMap);

/// The map of operand or result `index` (results follow operands) of an op
/// whose loops are `opLoops` of `numLoops`.
AffineMap composeLoopMap(fabric::StructuredOpInterface op, unsigned index,
                         ArrayRef<unsigned> opLoops, unsigned numLoops);

/// The op of a kernel that is nothing but one op that copies boxes; else null.
fabric::BoxCopyOpInterface getBoxCopy(func::FuncOp kernel);

/// How elements lie in memory: bools are bytes. bf16 is loaded as its bits, for
/// LLVM moves bf16 by library calls on some machines.
Type getStorageType(Type element);

/// A number of an element type as it lies in memory.
TypedAttr getStoredNumber(TypedAttr number);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELDOMAIN_H
