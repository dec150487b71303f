//===- TypesOnMesh.h - Every tensor says where it is ------------*- C++ -*-===//

#ifndef FABRIC_PASSES_PARTITION_TYPESONMESH_H
#define FABRIC_PASSES_PARTITION_TYPESONMESH_H

#include "dialects/Dist/IR/Dist.h"

namespace mlir::partition {

/// Fails, with an error on `op`, where a tensor among its types has no sharding
/// of `mesh`.
LogicalResult verifyOnMesh(Operation *op, TypeRange types, dist::MeshAttr mesh);

} // namespace mlir::partition

#endif // FABRIC_PASSES_PARTITION_TYPESONMESH_H
