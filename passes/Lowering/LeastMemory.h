//===- LeastMemory.h - What no memory plan can go below ---------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_LEASTMEMORY_H
#define FABRIC_PASSES_LOWERING_LEASTMEMORY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

/// Bytes of a rank that the planned function needs in its order of execution,
/// wherever its buffers lie: what it holds throughout, and of the workspace the
/// most that is alive at once.
int64_t getLeastBytes(func::FuncOp function);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_LEASTMEMORY_H
