//===- CommNcclThreads.h - Ranks over NCCL as threads -----------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_COMMNCCLTHREADS_H
#define FABRIC_TEST_UNIT_RUNTIME_COMMNCCLTHREADS_H

#include "runtime/Comm/LocalCommunicator.h"

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace fabric::test {

inline comm::CommOptions patientOptions() {
  comm::CommOptions options;
  options.timeout = std::chrono::seconds(60);
  return options;
}

/// Runs every rank in a thread; `control` brings them together on the host.
inline void
onThreads(int size,
          const std::function<void(comm::Communicator &control)> &run) {
  auto world = comm::LocalWorld::create(size, patientOptions());
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] { run(*world->communicator(rank)); });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_COMMNCCLTHREADS_H
