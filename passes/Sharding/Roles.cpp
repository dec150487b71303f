//===- Roles.cpp - What the axes named dp and tp are for ------------------===//

#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;

LogicalResult mlir::sharding::verifyTpStyle(Location loc, StringAttr parameter,
                                            RankedTensorType type,
                                            dist::TpStyle style,
                                            dist::MeshAttr mesh) {
  int64_t size = mesh.getAxisSize(kTensorAxis);
  bool splits =
      style == dist::TpStyle::Colwise || style == dist::TpStyle::Rowwise;
  if (splits && type.getRank() == 0)
    return emitError(loc) << "parameter " << parameter << ": style "
                          << stringifyTpStyle(style)
                          << " fits no dim of a tensor of rank 0";
  std::optional<unsigned> dim = getTpDim(style, type.getRank());
  if (!dim || size <= 1 || type.getDimSize(*dim) % size == 0)
    return success();
  return emitError(loc) << "parameter " << parameter << ": style "
                        << stringifyTpStyle(style) << " splits dim " << *dim
                        << " of size " << type.getDimSize(*dim)
                        << ", which axis \"" << kTensorAxis << "\" of size "
                        << size << " does not divide";
}
