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
