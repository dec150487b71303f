//===- TypesOnMesh.cpp - Every tensor says where it is --------------------===//

#include "passes/Partition/TypesOnMesh.h"

using namespace mlir;

LogicalResult mlir::partition::verifyOnMesh(Operation *op, TypeRange types,
                                            dist::MeshAttr mesh) {
  for (Type type : types) {
    if (!isa<RankedTensorType>(type))
      continue;
    dist::ShardingAttr sharding = dist::getSharding(type);
    if (!sharding)
      return op->emitOpError() << "has a tensor without a sharding: " << type;
    if (sharding.getMesh() != mesh)
      return op->emitOpError()
             << "has a tensor on the mesh " << sharding.getMesh()
             << ", but the module's is " << mesh;
  }
  return success();
}
