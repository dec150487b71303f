//===- Exec.h - The exec dialect --------------------------------*- C++ -*-===//

#ifndef FABRIC_DIALECTS_EXEC_EXEC_H
#define FABRIC_DIALECTS_EXEC_EXEC_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Exec/IR/ExecDialect.h.inc"
#include "dialects/Exec/IR/ExecEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Exec/IR/ExecAttrs.h.inc"

namespace mlir::exec {

/// Bytes of a tensor of static shape; a bool takes one.
int64_t getNumBytes(Type type);

/// Whether ranks that meet over `axes` meet over `inner`: each group over the
/// latter is a part of one over the former.
bool coversAxes(dist::AxesAttr axes, dist::AxesAttr inner);

/// `all_gather`, without the attribute's brackets.
ParseResult parseKind(OpAsmParser &parser, CollectiveKindAttr &kind);
void printKind(OpAsmPrinter &printer, Operation *op, CollectiveKindAttr kind);

/// On an argument of a kernel: the results that may be written over it.
inline constexpr StringLiteral kMayAliasAttr{"exec.may_alias"};

/// On an op of a kernel: for each loop of it, the loop of the kernel's domain
/// that it is.
inline constexpr StringLiteral kLoopsAttr{"exec.loops"};

} // namespace mlir::exec

#include "dialects/Exec/IR/ExecInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Exec/IR/ExecOps.h.inc"

#endif // FABRIC_DIALECTS_EXEC_EXEC_H
