//===- Weights.h - The parameters of a plan in a weights file ---*- C++ -*-===//

#ifndef FABRIC_RUNTIME_CHECKPOINT_WEIGHTS_H
#define FABRIC_RUNTIME_CHECKPOINT_WEIGHTS_H

#include "runtime/Checkpoint/Safetensors.h"

#include <vector>

namespace fabric::checkpoint {

/// Fails unless `file` holds exactly the parameters of `plan`: names every
/// missing, extra, misshapen or mistyped one's file, name, expected and found
/// (the first of them).
Status checkWeights(const SafetensorsReader &file, const plan::Plan &plan);

/// Reads what `rank` holds of `parameter` into its buffer.
Status readParameter(const SafetensorsReader &file, const plan::Mesh &mesh,
                     const plan::Parameter &parameter, int64_t rank,
                     void *shard);

/// What a file with the parameters of `plan` holds: for SafetensorsWriter.
std::vector<NamedTensor> weightsOf(const plan::Plan &plan);

/// Writes what `rank` holds of `parameter`, if it is the first that holds it.
Status writeParameter(const SafetensorsWriter &file, const plan::Mesh &mesh,
                      const plan::Parameter &parameter, int64_t rank,
                      const void *shard);

} // namespace fabric::checkpoint

#endif // FABRIC_RUNTIME_CHECKPOINT_WEIGHTS_H
