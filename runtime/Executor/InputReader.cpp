//===- InputReader.cpp - A step's inputs, read before it ------------------===//
//
// The two threads take turns: the rank's has the host memory from the moment
// that a step's inputs are there until it has given them to the stream; the
// reader's has it for the rest of the step, from when the copies are done.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor/InputReader.h"

#include <exception>

namespace fabric::runtime {

InputReader::InputReader(Program &program, RunHooks &hooks, int64_t steps,
                         bool ahead)
    : program(program), hooks(hooks), steps(steps),
      ahead(ahead && steps > 1 && !program.plan().inputs.empty()) {
  const plan::Plan &plan = program.plan();
  for (const plan::Input &input : plan.inputs)
    inputs.push_back(
        {&input, plan::PaddedShard(plan.mesh, input.sharding, input.shape,
                                   input.paddedShape, program.rank())});
  if (this->ahead)
    reader = std::thread([this] { serve(); });
}

InputReader::~InputReader() {
  if (!reader.joinable())
    return;
  if (next > 0 && next < steps)
    ready.acquire();
  next = steps;
  wanted.release();
  reader.join();
}

Status InputReader::load(int64_t step) {
  if (!ahead) {
    for (const BoundInput &bound : inputs)
      FABRIC_RETURN_IF_ERROR(
          program.uploadInput(bound.input->buffer, [&](void *shard) {
            return read(bound, step, shard);
          }));
    return Status::success();
  }
  if (step == 0) {
    outcome = readAhead(0);
  } else {
    ready.acquire();
  }
  Status status = outcome;
  for (const BoundInput &bound : inputs)
    if (status.ok())
      status = program.uploadStaged(bound.input->buffer);
  next = step + 1;
  if (next < steps)
    wanted.release();
  return status;
}

Status InputReader::read(const BoundInput &bound, int64_t step,
                         void *shard) const {
  return bound.part.fill(
      bound.input->dtype, shard, [&](const Box &box, void *elements) {
        return hooks.readInput(*bound.input, step, box, elements);
      });
}

Status InputReader::readAhead(int64_t step) {
  for (const BoundInput &bound : inputs) {
    FABRIC_ASSIGN_OR_RETURN(void *shard, program.staging(bound.input->buffer));
    FABRIC_RETURN_IF_ERROR(read(bound, step, shard));
  }
  return Status::success();
}

/// The reader's thread.
void InputReader::serve() {
  for (;;) {
    wanted.acquire();
    if (next >= steps)
      return;
    // The standard library throws where memory ends; nothing else does.
    try {
      outcome = readAhead(next);
    } catch (const std::exception &error) {
      outcome = Status::error("rank ", program.rank(), ": ", error.what());
    }
    ready.release();
  }
}

} // namespace fabric::runtime
