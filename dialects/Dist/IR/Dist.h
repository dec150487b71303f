//===- Dist.h - The dist dialect --------------------------------*- C++ -*-===//

#ifndef FABRIC_DIALECTS_DIST_DIST_H
#define FABRIC_DIALECTS_DIST_DIST_H

#include "dialects/Dist/IR/ShardingRule.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Dist/IR/DistDialect.h.inc"
#include "dialects/Dist/IR/DistEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Dist/IR/DistAttrs.h.inc"

namespace mlir::dist {

/// What every tensor of a program keeps to, so that its elements and bytes can
/// be counted in 64 bits wherever they are: static sizes of at least 1, at most
/// kMaxTensorDims of them, numbers of 1 to 64 bits, at most kMaxTensorBytes.
inline constexpr int64_t kMaxTensorDims = 16;
inline constexpr int64_t kMaxTensorBytes = int64_t(1) << 43;
bool isSupportedTensor(Type type);

/// Ranks of a mesh, at most: what a plan can hold.
inline constexpr int64_t kMaxMeshRanks = int64_t(1) << 20;

/// The sharding that a tensor type carries, or null.
ShardingAttr getSharding(Type type);
inline ShardingAttr getSharding(Value value) {
  return getSharding(value.getType());
}

/// The tensor type with another sharding; with none where `sharding` is null.
RankedTensorType withSharding(RankedTensorType type, ShardingAttr sharding);

/// One rank's part of a global-view type: the local shape, no sharding.
RankedTensorType getLocalType(RankedTensorType type);

/// The mesh of the module around `op`, or null.
MeshAttr getMesh(Operation *op);

/// Default of ShardingOpInterface::localise: the op itself on local types.
FailureOr<SmallVector<Value>> cloneLocal(Operation *op, OpBuilder &builder,
                                         ValueRange localOperands,
                                         TypeRange localResultTypes);

/// `{"tp", "dp"}`
ParseResult parseAxes(OpAsmParser &parser, AxesAttr &axes);
void printAxes(OpAsmPrinter &printer, Operation *op, AxesAttr axes);

/// `sum`
ParseResult parseReduction(OpAsmParser &parser, ReductionKindAttr &reduction);
void printReduction(OpAsmPrinter &printer, Operation *op,
                    ReductionKindAttr reduction);

/// One type where operand and result agree, `A -> B` where they do not.
ParseResult parseSameType(OpAsmParser &parser, Type &operand, Type &result);
void printSameType(OpAsmPrinter &printer, Operation *op, Type operand,
                   Type result);

} // namespace mlir::dist

#include "dialects/Dist/IR/DistInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Dist/IR/DistOps.h.inc"

#endif // FABRIC_DIALECTS_DIST_DIST_H
