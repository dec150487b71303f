//===- AssignStorage.h - How arguments are stored ---------------*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_ASSIGNSTORAGE_H
#define FABRIC_PASSES_SHARDING_ASSIGNSTORAGE_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::sharding {

/// What dist-assign-storage does to a function of one block; returns how many
/// parameters data parallelism cannot split.
FailureOr<unsigned> assignStorage(func::FuncOp function, dist::MeshAttr mesh);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_ASSIGNSTORAGE_H
