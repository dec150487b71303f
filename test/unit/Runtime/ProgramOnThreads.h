//===- ProgramOnThreads.h - The program of every rank -----------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_PROGRAMONTHREADS_H
#define FABRIC_TEST_UNIT_RUNTIME_PROGRAMONTHREADS_H

#include "runtime/Executor/Runner.h"

#include <functional>

namespace fabric::test {

/// Runs `body` with each rank's program, connected, in a thread of its own.
inline Status onEveryRank(
    const plan::Plan &plan, const comm::CommOptions &options,
    const std::function<Status(comm::Communicator &, runtime::Program &)>
        &body) {
  auto device = device::createCpuDevice();
  FABRIC_ASSIGN_OR_RETURN(auto module, runtime::loadCode(plan, *device));
  auto ranks = static_cast<int>(plan.mesh.numRanks());
  return runtime::runLocalRanks(
      ranks, options, [&](comm::Communicator &communicator) -> Status {
        FABRIC_ASSIGN_OR_RETURN(
            auto program, runtime::Program::create(plan, communicator.rank(),
                                                   *device, module));
        FABRIC_RETURN_IF_ERROR(program->connect(communicator));
        return body(communicator, *program);
      });
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_PROGRAMONTHREADS_H
