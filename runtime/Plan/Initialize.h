//===- Initialize.h - Initial values of a shard -----------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_PLAN_INITIALIZE_H
#define FABRIC_RUNTIME_PLAN_INITIALIZE_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/Status.h"

#include <cstdint>
#include <string_view>

namespace fabric::plan {

/// Fills `shard` (dense, row major, box.numElements() elements of `dtype`) with
/// the elements in `box` of the tensor `name` of shape `shape`, as `init` draws
/// them from `seed`. An element depends on its linear index only: any view of
/// the same bytes may serve as `shape`, and every mesh gets the same tensor.
/// Integer dtypes take only constants.
Status initializeShard(const Initializer &init, uint64_t seed,
                       std::string_view name, DType dtype, const Shape &shape,
                       const Box &box, void *shard);

/// The initial value of what `rank` holds of `parameter`. An error where the
/// parameter has no initialiser: it names the parameter and --weights.
Status initializeParameter(const Parameter &parameter, const Mesh &mesh,
                           int64_t rank, uint64_t seed, void *shard);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_INITIALIZE_H
