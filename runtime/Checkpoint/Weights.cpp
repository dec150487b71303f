//===- Weights.cpp - The parameters of a plan in a weights file -----------===//

#include "runtime/Checkpoint/Weights.h"

#include "runtime/Plan/Padding.h"
#include "runtime/Plan/Sharding.h"

#include <set>

using namespace fabric;
using namespace fabric::checkpoint;

Status checkpoint::checkWeights(const SafetensorsReader &file,
                                const plan::Plan &plan) {
  std::set<std::string_view> known;
  for (const plan::Parameter &parameter : plan.parameters) {
    FABRIC_RETURN_IF_ERROR(
        file.check(parameter.name, parameter.dtype, parameter.shape));
    known.insert(parameter.name);
  }
  for (const auto &[name, region] : file.tensors())
    if (!known.count(name))
      return Status::error(file.path(), ": tensor '", name,
                           "', expected only parameters of the plan, found one "
                           "that it does not have");
  return Status::success();
}

Status checkpoint::readParameter(const SafetensorsReader &file,
                                 const plan::Mesh &mesh,
                                 const plan::Parameter &parameter, int64_t rank,
                                 void *shard) {
  plan::PaddedShard part(mesh, parameter.sharding, parameter.storedShape,
                         parameter.paddedShape, rank);
  return part.fill(parameter.dtype, shard, [&](const Box &box, void *elements) {
    return file.readShard(parameter.name, parameter.dtype,
                          parameter.storedShape, box, elements);
  });
}

std::vector<NamedTensor> checkpoint::weightsOf(const plan::Plan &plan) {
  std::vector<NamedTensor> tensors;
  for (const plan::Parameter &parameter : plan.parameters)
    tensors.push_back({parameter.name, parameter.dtype, parameter.shape});
  return tensors;
}

Status checkpoint::writeParameter(const SafetensorsWriter &file,
                                  const plan::Mesh &mesh,
                                  const plan::Parameter &parameter,
                                  int64_t rank, const void *shard) {
  if (!plan::isFirstHolder(mesh, parameter.sharding, rank))
    return Status::success();
  plan::PaddedShard part(mesh, parameter.sharding, parameter.storedShape,
                         parameter.paddedShape, rank);
  return part.drain(
      parameter.dtype, shard, [&](const Box &box, const void *elements) {
        return file.writeShard(parameter.name, parameter.dtype,
                               parameter.storedShape, box, elements);
      });
}
