//===- Roles.h - What the axes named dp and tp are for ----------*- C++ -*-===//
//
// Meshes may have any axes; two names have a role. Other axes are used only
// where a `dist.constraint` asks for them.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_ROLES_H
#define FABRIC_PASSES_SHARDING_ROLES_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::sharding {

/// Data parallelism: splits the batch, and parameters where they are stored.
inline constexpr llvm::StringLiteral kDataAxis{"dp"};
/// Tensor parallelism: splits parameters where they are used.
inline constexpr llvm::StringLiteral kTensorAxis{"tp"};

/// The mesh of a module that has none: dp=2 tp=2.
dist::MeshAttr getDefaultMesh(MLIRContext *context);

/// The module's mesh; null, with a diagnostic, where it has none.
dist::MeshAttr requireMesh(ModuleOp module);

/// What an argument or a result is to the user: `input "x"`, `argument 2`.
std::string nameArgument(func::FuncOp function, unsigned index);
std::string nameResult(func::FuncOp function, unsigned index);

/// The argument where an op runs that only converts what is stored, element by
/// element, so that what moves is the smaller side: what it makes of one
/// parameter, or, from something smaller, for one update in place. A cast of a
/// weight before its gather, and of a gradient after its scatter.
std::optional<unsigned> getArgumentAtRest(Operation *op);

/// The argument that a use updates in place, if it does: it has to be left as
/// it is stored.
std::optional<unsigned> getUpdatedArgument(OpOperand &use);

/// What the user asks for, or null.
dist::ShardingAttr getAskedArgument(func::FuncOp function, unsigned index);
dist::ShardingAttr getAskedResult(func::FuncOp function, unsigned index);

/// The dim of a parameter of this rank that the style splits over "tp"; none
/// where the style leaves it whole.
inline std::optional<unsigned> getTpDim(dist::TpStyle style, int64_t rank) {
  if (style == dist::TpStyle::Colwise && rank >= 1)
    return 0;
  if (style == dist::TpStyle::Rowwise && rank >= 2)
    return 1;
  return std::nullopt;
}

/// Fails, with a diagnostic at `loc`, where the style fits no dim of the
/// parameter.
LogicalResult verifyTpStyle(Location loc, StringAttr parameter,
                            RankedTensorType type, dist::TpStyle style);

/// The error that the mesh's "tp" does not divide dim `dim` of a parameter,
/// which the style splits.
InFlightDiagnostic emitNotDivided(Location loc, StringAttr parameter,
                                  RankedTensorType type, dist::TpStyle style,
                                  unsigned dim, int64_t axisSize);
/// The error that the mesh's "dp" does not divide what "tp" leaves of the dim
/// of a parameter that `fsdp` names.
InFlightDiagnostic emitNotDivided(Location loc, StringAttr parameter,
                                  RankedTensorType type, dist::FsdpAttr fsdp,
                                  int64_t axisSize);
/// The error that the axes do not divide dim `dim` of what `what` names, which
/// the user asks to split so.
InFlightDiagnostic emitNotDivided(Location loc, const Twine &what,
                                  RankedTensorType type, unsigned dim,
                                  dist::ShardingAttr sharding);
/// The error that the mesh's "dp" does not divide an input's batch dim.
InFlightDiagnostic emitNotDivided(Location loc, StringAttr input,
                                  RankedTensorType type, unsigned dim,
                                  int64_t axisSize);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_ROLES_H
