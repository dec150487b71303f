//===- CommLocalHarness.cpp - The conformance suite on threads ------------===//

#include "CommHarness.h"

#include "runtime/Comm/LocalCommunicator.h"

#include <thread>

namespace fabric::test {

const Place *place() { return nullptr; }
std::optional<std::string> whyNot() { return std::nullopt; }
std::vector<int> worldSizes() { return {1, 2, 3, 4, 6, 8}; }

void onAllRanks(int size,
                const std::function<void(comm::Communicator &)> &body) {
  comm::CommOptions options;
  options.timeout = std::chrono::seconds(60);
  auto world = comm::LocalWorld::create(size, options);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] { body(*world->communicator(rank)); });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace fabric::test
