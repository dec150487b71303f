//===- Session.cpp - All ranks of a plan, on tensors in memory ------------===//

#include "runtime/Executor/Session.h"
#include "runtime/Plan/Initialize.h"
#include "runtime/Plan/Padding.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/Sharding.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace fabric::runtime {
namespace {

/// The part of `tensor` that `box` says, seen under `shape`.
void copyOut(const HostTensor &tensor, const plan::Shape &shape, const Box &box,
             void *shard) {
  int64_t width = plan::byteWidth(tensor.dtype);
  for (BoxRuns runs(shape, box); !runs.done(); runs.next())
    std::memcpy(static_cast<std::byte *>(shard) + runs.local() * width,
                tensor.bytes.data() + runs.global() * width,
                runs.length() * width);
}

void copyIn(HostTensor &tensor, const plan::Shape &shape, const Box &box,
            const void *shard) {
  int64_t width = plan::byteWidth(tensor.dtype);
  for (BoxRuns runs(shape, box); !runs.done(); runs.next())
    std::memcpy(tensor.bytes.data() + runs.global() * width,
                static_cast<const std::byte *>(shard) + runs.local() * width,
                runs.length() * width);
}

Status checkTensor(const std::string &what, const HostTensor &tensor,
                   plan::DType dtype, const plan::Shape &shape) {
  if (tensor.dtype != dtype || tensor.shape != shape)
    return Status::error(what, ": expected ", fabric::toString(shape), " of ",
                         plan::toString(dtype), ", found ",
                         fabric::toString(tensor.shape), " of ",
                         plan::toString(tensor.dtype));
  int64_t bytes = tensor.numElements() * plan::byteWidth(dtype);
  if (static_cast<int64_t>(tensor.bytes.size()) != bytes)
    return Status::error(what, ": expected ", bytes, " bytes, found ",
                         tensor.bytes.size());
  return Status::success();
}

Status checkInputs(const plan::Plan &plan, const RunInputs &inputs) {
  std::map<std::string, const plan::Parameter *> parameters;
  for (const plan::Parameter &parameter : plan.parameters)
    parameters[parameter.name] = &parameter;
  for (const auto &[name, tensor] : inputs.parameters) {
    auto found = parameters.find(name);
    if (found == parameters.end())
      return Status::error("parameter '", name,
                           "': the plan has none of this "
                           "name");
    FABRIC_RETURN_IF_ERROR(checkTensor("parameter '" + name + "'", tensor,
                                       found->second->dtype,
                                       found->second->shape));
  }
  if (plan.inputs.empty())
    return Status::success();
  if (inputs.inputs.empty())
    return Status::error("the plan has inputs, and none are given");
  for (const NamedTensors &batch : inputs.inputs) {
    for (const plan::Input &input : plan.inputs) {
      auto found = batch.find(input.name);
      if (found == batch.end())
        return Status::error("input '", input.name, "' is missing");
      FABRIC_RETURN_IF_ERROR(checkTensor("input '" + input.name + "'",
                                         found->second, input.dtype,
                                         input.shape));
    }
    if (batch.size() != plan.inputs.size())
      return Status::error("expected ", plan.inputs.size(), " inputs, found ",
                           batch.size());
  }
  return Status::success();
}

/// Reads the caller's tensors and assembles the results. All ranks use it at
/// once: the boxes that they write do not overlap.
class TensorHooks final : public RunHooks {
public:
  TensorHooks(const plan::Plan &plan, const RunInputs &inputs,
              RunOutputs &outputs)
      : plan(plan), inputs(inputs), outputs(outputs) {
    for (const plan::Parameter &parameter : plan.parameters)
      outputs.parameters[parameter.name] =
          HostTensor::zeros(parameter.dtype, parameter.shape);
    outputs.outputs.resize(inputs.steps);
    for (NamedTensors &step : outputs.outputs)
      for (const plan::Output &output : plan.outputs)
        step[output.name] = HostTensor::zeros(output.dtype, output.shape);
  }

  Status loadParameter(const plan::Parameter &parameter, int64_t rank,
                       void *shard) override {
    auto given = inputs.parameters.find(parameter.name);
    if (given == inputs.parameters.end())
      return plan::initializeParameter(parameter, plan.mesh, rank, inputs.seed,
                                       shard);
    plan::PaddedShard part(plan.mesh, parameter.sharding, parameter.storedShape,
                           parameter.paddedShape, rank);
    return part.fill(
        parameter.dtype, shard, [&](const Box &box, void *elements) {
          copyOut(given->second, parameter.storedShape, box, elements);
          return Status::success();
        });
  }

  Status readInput(const plan::Input &input, int64_t step, const Box &box,
                   void *shard) override {
    const NamedTensors &batch = inputs.inputs[step % inputs.inputs.size()];
    copyOut(batch.at(input.name), input.shape, box, shard);
    return Status::success();
  }

  Status afterStep(const Program &program, const StepReport &report) override {
    NamedTensors &step = outputs.outputs[report.step - 1];
    for (const plan::Output &output : plan.outputs)
      FABRIC_RETURN_IF_ERROR(collect(program, output.buffer, output.sharding,
                                     output.shape, output.paddedShape,
                                     step.at(output.name)));
    return Status::success();
  }

  Status atEnd(const Program &program, comm::Communicator &) override {
    for (const plan::Parameter &parameter : plan.parameters)
      FABRIC_RETURN_IF_ERROR(collect(
          program, parameter.buffer, parameter.sharding, parameter.storedShape,
          parameter.paddedShape, outputs.parameters.at(parameter.name)));
    MemoryUse use = program.memoryUse();
    std::lock_guard lock(mutex);
    outputs.memory.arenas = std::max(outputs.memory.arenas, use.arenas);
    outputs.memory.scratch = std::max(outputs.memory.scratch, use.scratch);
    return Status::success();
  }

private:
  Status collect(const Program &program, plan::BufferId buffer,
                 const plan::Sharding &sharding, const plan::Shape &shape,
                 const std::optional<plan::Shape> &paddedShape,
                 HostTensor &tensor) const {
    int64_t rank = program.rank();
    if (!plan::isFirstHolder(plan.mesh, sharding, rank))
      return Status::success();
    plan::PaddedShard part(plan.mesh, sharding, shape, paddedShape, rank);
    return program.download(buffer, [&](const void *shard) {
      return part.drain(tensor.dtype, shard,
                        [&](const Box &box, const void *elements) {
                          copyIn(tensor, shape, box, elements);
                          return Status::success();
                        });
    });
  }

  const plan::Plan &plan;
  const RunInputs &inputs;
  RunOutputs &outputs;
  std::mutex mutex;
};

} // namespace

int64_t HostTensor::numElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

HostTensor HostTensor::zeros(plan::DType dtype, plan::Shape shape) {
  HostTensor tensor{dtype, std::move(shape), {}};
  tensor.bytes.resize(tensor.numElements() * plan::byteWidth(dtype));
  return tensor;
}

Expected<RunOutputs> runLocal(const plan::Plan &plan, const RunInputs &inputs) {
  FABRIC_RETURN_IF_ERROR(plan::verifyPlan(plan));
  FABRIC_RETURN_IF_ERROR(checkInputs(plan, inputs));
  if (inputs.steps < 0)
    return Status::error("expected steps from 0, found ", inputs.steps);
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<device::Device> device,
                          device::createDevice(plan.target));
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<device::Module> module,
                          loadCode(plan, *device));
  int ranks = static_cast<int>(plan.mesh.numRanks());
  RunOptions options;
  options.steps = inputs.steps;
  options.scalars = inputs.scalars;
  options.threads = defaultThreads(ranks);

  RunOutputs outputs;
  TensorHooks hooks(plan, inputs, outputs);
  FABRIC_RETURN_IF_ERROR(
      runLocalRanks(ranks, inputs.comm, [&](comm::Communicator &communicator) {
        return runRank(plan, *device, module, communicator, options, hooks);
      }));
  return outputs;
}

} // namespace fabric::runtime
