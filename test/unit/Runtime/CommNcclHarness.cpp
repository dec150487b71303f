//===- CommNcclHarness.cpp - The conformance suite over NCCL --------------===//
//
// All ranks are threads, each with a GPU: worlds as large as the machine.
//
//===----------------------------------------------------------------------===//

#include "CommNcclThreads.h"
#include "CommOnGpu.h"

#include "runtime/Comm/NcclCommunicator.h"

#include <gtest/gtest.h>

namespace fabric::test {
namespace {

void runRank(comm::Communicator &control,
             const std::function<void(comm::Communicator &)> &body) {
  auto device = device::createCudaDevice(control.rank());
  ASSERT_TRUE(device.ok()) << device.message();
  onGpu(**device, [&](device::Stream &stream) {
    auto nccl =
        comm::createNcclCommunicator(control, **device, patientOptions());
    ASSERT_TRUE(nccl.ok()) << nccl.message();
    body(**nccl);
    // Connections end without waiting: everyone's work is done first.
    Status done = (*nccl)->waitFor(stream);
    ASSERT_TRUE(done.ok()) << done.message();
    ASSERT_TRUE((*nccl)->agree(Status::success()).ok());
  });
}

} // namespace

std::vector<int> worldSizes() {
  std::vector<int> sizes;
  for (int size : {1, 2, 3, 4, 6, 8})
    if (size <= device::numCudaDevices())
      sizes.push_back(size);
  return sizes;
}

void onAllRanks(int size,
                const std::function<void(comm::Communicator &)> &body) {
  onThreads(size, [&](comm::Communicator &control) { runRank(control, body); });
}

} // namespace fabric::test
