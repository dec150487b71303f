//===- CommCudaHarness.cpp - The conformance suite on one GPU -------------===//
//
// All ranks are threads, each with a stream of its own on the same device.
//
//===----------------------------------------------------------------------===//

#include "CommHarness.h"

#include "runtime/Comm/LocalCommunicator.h"

#include <gtest/gtest.h>
#include <thread>

namespace fabric::test {
namespace {

// Tensors are made all over the suite, so they find the rank's place here.
const Place *&placeOfThread() {
  static thread_local const Place *place = nullptr;
  return place;
}

void runRank(device::Device &device, comm::Communicator &communicator,
             const std::function<void(comm::Communicator &)> &body) {
  auto stream = device.createStream();
  ASSERT_TRUE(stream.ok()) << stream.message();
  Place place{device, **stream};
  placeOfThread() = &place;
  body(communicator);
  placeOfThread() = nullptr;
}

} // namespace

const Place *place() { return placeOfThread(); }

std::optional<std::string> whyNot() {
  auto device = device::createCudaDevice(0);
  if (device.ok())
    return std::nullopt;
  return device.message();
}

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
    threads.emplace_back(
        [&, rank] { runRank(**device, *world->communicator(rank), body); });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace fabric::test
