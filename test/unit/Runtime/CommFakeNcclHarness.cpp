//===- CommFakeNcclHarness.cpp - The suite over NCCL, without GPUs --------===//
//
// NcclCommunicator.cpp as it is, over the NCCL of FakeNccl.cpp. What is a GPU's
// here is on the host: a stream in which everything is done at once, a Mover
// that copies and adds as the host's does.
//
//===----------------------------------------------------------------------===//

#include "CommHarness.h"
#include "CommNcclThreads.h"

#include "runtime/Comm/Mover.h"
#include "runtime/Comm/NcclCommunicator.h"

#include <gtest/gtest.h>

namespace fabric {
namespace {

/// Done when a call returns; says that it is a GPU's.
class FakeStream final : public device::Stream {
public:
  explicit FakeStream(std::unique_ptr<device::Stream> host)
      : host(std::move(host)) {}
  std::string_view kind() const override { return "cuda"; }
  void *native() const override { return const_cast<FakeStream *>(this); }
  Expected<std::unique_ptr<device::Event>> createEvent() override {
    return host->createEvent();
  }
  Status record(device::Event &event) override { return host->record(event); }
  Status wait(const device::Event &event) override { return host->wait(event); }
  Status synchronize() override { return host->synchronize(); }
  Expected<bool> done() override { return host->done(); }
  Expected<std::unique_ptr<device::Stopwatch>>
  createStopwatch(size_t laps) override {
    return host->createStopwatch(laps);
  }

private:
  std::unique_ptr<device::Stream> host;
};

class FakeMover final : public comm::Mover {
public:
  explicit FakeMover(std::shared_ptr<comm::Mover> host)
      : host(std::move(host)) {}
  bool onHost() const override { return false; }
  Status mark() override { return host->mark(); }
  Status follow(const Mover &) override { return Status::success(); }
  Status copyPart(const std::byte *source, comm::Rows from, int64_t fromAt,
                  std::byte *target, comm::Rows to, int64_t toAt,
                  int64_t bytes) override {
    return host->copyPart(source, from, fromAt, target, to, toAt, bytes);
  }
  Status reduceRows(comm::DType dtype, comm::Reduction reduction,
                    std::span<const std::byte *const> sources, comm::Rows from,
                    std::byte *target) override {
    return host->reduceRows(dtype, reduction, sources, from, target);
  }

private:
  std::shared_ptr<comm::Mover> host;
};

const test::Place *&placeOfThread() {
  static thread_local const test::Place *place = nullptr;
  return place;
}

void runRank(comm::Communicator &control,
             const std::function<void(comm::Communicator &)> &body) {
  auto device = device::createCpuDevice();
  auto host = device->createStream();
  ASSERT_TRUE(host.ok()) << host.message();
  FakeStream stream(std::move(*host));
  test::Place place{*device, stream};
  placeOfThread() = &place;
  auto nccl =
      comm::createNcclCommunicator(control, *device, test::patientOptions());
  ASSERT_TRUE(nccl.ok()) << nccl.message();
  body(**nccl);
  ASSERT_TRUE((*nccl)->agree(Status::success()).ok());
  placeOfThread() = nullptr;
}

} // namespace

/// In place of the one of CudaMover.cpp.
Expected<std::shared_ptr<comm::Mover>> comm::createCudaMover(device::Stream &) {
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<Mover> host, createMover(nullptr));
  return std::shared_ptr<Mover>(std::make_shared<FakeMover>(std::move(host)));
}

const test::Place *test::place() { return placeOfThread(); }

std::optional<std::string> test::whyNot() { return std::nullopt; }

std::vector<int> test::worldSizes() { return {1, 2, 3, 4, 6}; }

void test::onAllRanks(int size,
                      const std::function<void(comm::Communicator &)> &body) {
  onThreads(size, [&](comm::Communicator &control) { runRank(control, body); });
}

} // namespace fabric
