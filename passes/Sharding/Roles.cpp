//===- Roles.cpp - What the axes named dp and tp are for ------------------===//

#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;

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
