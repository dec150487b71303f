//===- CommCudaHarness.cpp - The conformance suite on one GPU -------------===//
//
// All ranks are threads, each with a stream of its own on the same device.
//
//===----------------------------------------------------------------------===//

#include "CommOnGpu.h"

#include "runtime/Comm/LocalCommunicator.h"

#include <gtest/gtest.h>
#include <thread>

namespace fabric::test {

std::vector<int> worldSizes() { return {1, 2, 3, 4, 6, 8}; }

void onAllRanks(int size,
                const std::function<void(comm::Communicator &)> &body) {
  auto device = device::createCudaDevice(0);
  ASSERT_TRUE(device.ok()) << device.message();
  comm::CommOptions options;
  options.timeout = std::chrono::seconds(60);
  auto world = comm::LocalWorld::create(size, options);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      onGpu(**device,
            [&](device::Stream &) { body(*world->communicator(rank)); });
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace fabric::test
