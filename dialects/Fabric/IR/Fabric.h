//===- Fabric.h - The fabric dialect ----------------------------*- C++ -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_FABRIC_H
#define FABRIC_DIALECTS_FABRIC_FABRIC_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "dialects/Fabric/IR/FabricDialect.h.inc"
#include "dialects/Fabric/IR/FabricEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Fabric/IR/FabricAttrs.h.inc"

namespace mlir::fabric {

/// The dims of a matrix product; see ContractionOpInterface.
struct ContractionDims {
  SmallVector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;

  /// The dims of an operand of this rank that are neither paired nor summed.
  SmallVector<int64_t> getLhsFree(int64_t rank) const;
  SmallVector<int64_t> getRhsFree(int64_t rank) const;
};

/// One copy of a BoxCopyOpInterface: for index i of a box of `sizes`, element
/// `fromOffsets + i * fromStrides` of the operand is element
/// `toOffsets + i * toStrides` of the result.
struct BoxCopy {
  unsigned operand;
  SmallVector<int64_t, 4> sizes;
  SmallVector<int64_t, 4> fromOffsets, fromStrides;
  SmallVector<int64_t, 4> toOffsets, toStrides;
};

/// The type that arithmetic on elements of `type` is done in: f32 for bf16 and
/// f16, else itself.
Type getComputeType(Type elementType);

/// Bytes of a tensor type, at the shape that it has.
int64_t getNumBytes(RankedTensorType type);
int64_t sumOfOperandAndResultBytes(Operation *op);

/// One type where all agree, a functional type where they do not.
ParseResult parseUnaryTypes(OpAsmParser &parser, Type &operand, Type &result);
void printUnaryTypes(OpAsmPrinter &printer, Operation *op, Type operand,
                     Type result);
ParseResult parseBinaryTypes(OpAsmParser &parser, Type &lhs, Type &rhs,
                             Type &result);
void printBinaryTypes(OpAsmPrinter &printer, Operation *op, Type lhs, Type rhs,
                      Type result);
ParseResult parseConstantValue(OpAsmParser &parser, ElementsAttr &value,
                               Type &result);
void printConstantValue(OpAsmPrinter &printer, Operation *op,
                        ElementsAttr value, Type result);

} // namespace mlir::fabric

#include "dialects/Fabric/IR/FabricInterfaces.h.inc"

namespace mlir::fabric {
/// The sizes of an op's loops, read off its operands and results.
SmallVector<int64_t> getLoopSizes(StructuredOpInterface op);
} // namespace mlir::fabric

#define GET_OP_CLASSES
#include "dialects/Fabric/IR/FabricOps.h.inc"

#endif // FABRIC_DIALECTS_FABRIC_FABRIC_H
