//===- Structured.h - Helpers to define structured ops ----------*- C++ -*-===//
//
// Private to the dialect's sources: what most op definitions share.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_FABRIC_STRUCTURED_H
#define FABRIC_DIALECTS_FABRIC_STRUCTURED_H

#include "dialects/Fabric/IR/Fabric.h"

namespace mlir::fabric {

inline RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The rule that follows from an op's loops.
dist::ShardingRule
getStructuredRule(StructuredOpInterface op,
                  SmallVector<SmallVector<unsigned>> linearGroups);

/// `count` parallel loops.
SmallVector<utils::IteratorType> parallelLoops(int64_t count);

/// Identity maps over `rank` loops for `count` tensors.
SmallVector<AffineMap> identityMaps(MLIRContext *context, int64_t rank,
                                    unsigned count);

/// The map from `numLoops` loops to the elements of a tensor whose dim i runs
/// over loop `loops[i]`.
AffineMap projection(MLIRContext *context, int64_t numLoops,
                     ArrayRef<int64_t> loops);

/// C1 of elementwise ops: one shape and element type for all operands and
/// results; encodings may differ.
LogicalResult verifySameShapeAndElementType(Operation *op);

/// A number of a float scalar or vector type.
Value floatConstant(OpBuilder &builder, Location loc, Type type, double value);

/// Every dim in `dims` is one of `rank` and named once.
LogicalResult verifyDims(Operation *op, StringRef what, ArrayRef<int64_t> dims,
                         int64_t rank);
bool isStrictlyAscending(ArrayRef<int64_t> dims);

/// The dims of a tensor of this rank that are not in `dims`.
SmallVector<int64_t> otherDims(ArrayRef<int64_t> dims, int64_t rank);

} // namespace mlir::fabric

#endif // FABRIC_DIALECTS_FABRIC_STRUCTURED_H
