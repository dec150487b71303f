//===- Roles.cpp - What the axes named dp and tp are for ------------------===//

#include "passes/Sharding/Roles.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::fabric::FabricDialect;

dist::MeshAttr mlir::sharding::getDefaultMesh(MLIRContext *context) {
  auto name = [&](StringRef axis) { return StringAttr::get(context, axis); };
  return dist::MeshAttr::get(context, {name(kDataAxis), name(kTensorAxis)},
                             {2, 2});
}

dist::MeshAttr mlir::sharding::requireMesh(ModuleOp module) {
  dist::MeshAttr mesh = dist::getMesh(module);
  if (!mesh)
    emitError(module.getLoc()) << "the module has no mesh; run dist-set-mesh";
  return mesh;
}

std::string mlir::sharding::nameArgument(func::FuncOp function,
                                         unsigned index) {
  std::string name;
  llvm::raw_string_ostream os(name);
  if (auto input = function.getArgAttrOfType<fabric::InputAttr>(
          index, FabricDialect::kInputAttr))
    os << "input " << input.getName();
  else if (auto param = function.getArgAttrOfType<fabric::ParamAttr>(
               index, FabricDialect::kParamAttr))
    os << "parameter " << param.getName();
  else
    os << "argument " << index;
  return name;
}

std::string mlir::sharding::nameResult(func::FuncOp function, unsigned index) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << "result ";
  if (auto named = function.getResultAttrOfType<StringAttr>(
          index, FabricDialect::kResultAttr))
    os << named;
  else
    os << index;
  return name;
}

std::optional<unsigned> mlir::sharding::getUpdatedArgument(OpOperand &use) {
  auto op = dyn_cast<fabric::InPlaceOpInterface>(use.getOwner());
  auto argument = dyn_cast<BlockArgument>(use.get());
  if (!op || !argument)
    return std::nullopt;
  for (unsigned result = 0; result < op->getNumResults(); ++result)
    if (op.getUpdatedOperand(result) == use.getOperandNumber())
      return argument.getArgNumber();
  return std::nullopt;
}

/// The parameter that the value is.
static std::optional<unsigned> getParameter(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  if (!function ||
      !function.getArgAttr(argument.getArgNumber(), FabricDialect::kParamAttr))
    return std::nullopt;
  return argument.getArgNumber();
}

/// The parameter that the value's one user updates in place.
static std::optional<unsigned> getUpdatedParameter(Value value) {
  if (!value.hasOneUse())
    return std::nullopt;
  for (OpOperand &use : (*value.user_begin())->getOpOperands())
    if (getUpdatedArgument(use) && getParameter(use.get()))
      return getParameter(use.get());
  return std::nullopt;
}

std::optional<unsigned> mlir::sharding::getArgumentAtRest(Operation *op) {
  auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
  if (!sharded || op->getNumOperands() != 1 || op->getNumResults() != 1)
    return std::nullopt;
  Value operand = op->getOperand(0), result = op->getResult(0);
  auto bytes = [](Value value) {
    return fabric::getNumBytes(cast<RankedTensorType>(value.getType()));
  };
  std::optional<unsigned> argument;
  if (bytes(result) < bytes(operand))
    argument = getParameter(operand);
  else if (bytes(operand) < bytes(result))
    argument = getUpdatedParameter(result);
  if (!argument)
    return std::nullopt;
  dist::ShardingRule rule = sharded.getShardingRule();
  bool isElementwise = rule.operands.front() == rule.results.front() &&
                       llvm::all_of(rule.factors, [](const dist::Factor &f) {
                         return f.kind == dist::Factor::Kind::Parallel;
                       });
  return isElementwise ? argument : std::nullopt;
}

dist::ShardingAttr mlir::sharding::getAskedArgument(func::FuncOp function,
                                                    unsigned index) {
  return function.getArgAttrOfType<dist::ShardingAttr>(
      index, dist::DistDialect::kShardingAttr);
}

dist::ShardingAttr mlir::sharding::getAskedResult(func::FuncOp function,
                                                  unsigned index) {
  return function.getResultAttrOfType<dist::ShardingAttr>(
      index, dist::DistDialect::kShardingAttr);
}

LogicalResult mlir::sharding::verifyTpStyle(Location loc, StringAttr parameter,
                                            RankedTensorType type,
                                            dist::TpStyle style) {
  bool splits =
      style == dist::TpStyle::Colwise || style == dist::TpStyle::Rowwise;
  if (splits && type.getRank() == 0)
    return emitError(loc) << "parameter " << parameter << ": style "
                          << stringifyTpStyle(style)
                          << " fits no dim of a tensor of rank 0";
  return success();
}

InFlightDiagnostic
mlir::sharding::emitNotDivided(Location loc, StringAttr parameter,
                               RankedTensorType type, dist::TpStyle style,
                               unsigned dim, int64_t axisSize) {
  return emitError(loc) << "parameter " << parameter << ": style "
                        << stringifyTpStyle(style) << " splits dim " << dim
                        << " of size " << type.getDimSize(dim)
                        << ", which axis \"" << kTensorAxis << "\" of size "
                        << axisSize << " does not divide";
}

InFlightDiagnostic mlir::sharding::emitNotDivided(Location loc,
                                                  StringAttr parameter,
                                                  RankedTensorType type,
                                                  dist::FsdpAttr fsdp,
                                                  int64_t axisSize) {
  return emitError(loc) << "parameter " << parameter << ": " << fsdp
                        << " splits dim " << *fsdp.getDim() << " of " << type
                        << ", which axis \"" << kDataAxis << "\" of size "
                        << axisSize << " does not divide";
}

InFlightDiagnostic mlir::sharding::emitNotDivided(Location loc,
                                                  StringAttr input,
                                                  RankedTensorType type,
                                                  unsigned dim,
                                                  int64_t axisSize) {
  return emitError(loc) << "input " << input << ": batch dim " << dim
                        << " of size " << type.getDimSize(dim)
                        << " is not divided by axis \"" << kDataAxis
                        << "\" of size " << axisSize;
}

InFlightDiagnostic mlir::sharding::emitNotDivided(Location loc,
                                                  const Twine &what,
                                                  RankedTensorType type,
                                                  unsigned dim,
                                                  dist::ShardingAttr sharding) {
  return emitError(loc) << what << ": dim " << dim << " of size "
                        << type.getDimSize(dim) << " is not divided by axes "
                        << sharding.getDims()[dim].str() << " of "
                        << sharding.getNumParts(dim) << " parts";
}
