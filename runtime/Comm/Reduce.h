//===- Reduce.h - Reductions over ranks, in their order ---------*- C++ -*-===//
//
// What every communicator does with the pieces once it has them. The order of
// the operations is the order of the sources, element by element, so results do
// not depend on who computes them or in which chunks.
//
//   sum       f32 in f32, f64 in f64, bf16 and f16 in f32 and rounded once,
//             integers modulo 2^n
//   max, min  a NaN anywhere gives a NaN
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_REDUCE_H
#define FABRIC_RUNTIME_COMM_REDUCE_H

#include "runtime/Comm/Communicator.h"

#include <cstddef>

namespace fabric::comm {

/// target[i] = reduction of sources[0..n)[i] for i < count. `target` may be one
/// of the sources, else overlaps none.
using ReduceFn = void (*)(const std::byte *const *sources, int n, int64_t count,
                          std::byte *target);

/// Null for bool, which only moves.
ReduceFn reduceFunction(DType dtype, Reduction reduction);

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_REDUCE_H
