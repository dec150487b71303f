//===- ExecutorStreamsTest.cpp - What streams are told --------------------===//
//
// On the cpu streams and events do nothing, so a wrong one would not be seen.
// Here a device writes down what it is told, on every rank.
//
//===----------------------------------------------------------------------===//

#include "StatusMatchers.h"
#include "StreamPlans.h"

#include "runtime/Executor/Runner.h"

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

using Log = std::vector<std::string>;

class LoggedEvent final : public device::Event {
public:
  explicit LoggedEvent(int number) : number(number) {}
  Status synchronize() const override { return Status::success(); }
  const int number;
};

class LoggedStream final : public device::Stream {
public:
  LoggedStream(std::unique_ptr<Stream> inner, Log &log, int number,
               int &numEvents)
      : inner(std::move(inner)), log(log), number(number),
        numEvents(numEvents) {}
  std::string_view kind() const override { return inner->kind(); }
  Expected<std::unique_ptr<device::Event>> createEvent() override {
    return std::unique_ptr<device::Event>(
        std::make_unique<LoggedEvent>(numEvents++));
  }
  Status record(device::Event &event) override { return note("record", event); }
  Status wait(const device::Event &event) override {
    return note("wait", event);
  }
  Status synchronize() override {
    log.push_back("host waits for stream " + std::to_string(number));
    return inner->synchronize();
  }
  Expected<bool> done() override { return inner->done(); }
  Expected<std::unique_ptr<device::Stopwatch>>
  createStopwatch(size_t laps) override {
    return inner->createStopwatch(laps);
  }

private:
  Status note(const char *what, const device::Event &event) {
    log.push_back(
        "stream " + std::to_string(number) + ": " + what + " " +
        std::to_string(static_cast<const LoggedEvent &>(event).number));
    return Status::success();
  }

  std::unique_ptr<Stream> inner;
  Log &log;
  const int number;
  int &numEvents;
};

/// The cpu, but for what its streams write down.
class LoggedDevice final : public device::Device {
public:
  std::string_view kind() const override { return inner->kind(); }
  Status check(const plan::Target &target) const override {
    return inner->check(target);
  }
  bool hostAccessible() const override { return true; }
  Expected<std::unique_ptr<device::Memory>>
  allocate(int64_t bytes, int64_t alignment) override {
    return inner->allocate(bytes, alignment);
  }
  Expected<std::unique_ptr<device::Memory>>
  allocateHost(int64_t bytes) override {
    return inner->allocateHost(bytes);
  }
  Expected<std::unique_ptr<device::Stream>> createStream() override {
    FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Stream> stream,
                            inner->createStream());
    return std::unique_ptr<device::Stream>(std::make_unique<LoggedStream>(
        std::move(stream), log, numStreams++, numEvents));
  }
  Status copyFromHost(device::Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    return inner->copyFromHost(stream, target, source, bytes);
  }
  Status copyToHost(device::Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    return inner->copyToHost(stream, target, source, bytes);
  }
  Status copy(device::Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return inner->copy(stream, target, source, bytes);
  }
  Expected<std::shared_ptr<device::Module>>
  load(std::span<const std::byte> code) override {
    return inner->load(code);
  }
  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, device::Stream &stream) override {
    return inner->createGemm(desc, stream);
  }

  Log log;

private:
  std::shared_ptr<device::Device> inner = device::createCpuDevice();
  int numStreams = 0, numEvents = 0;
};

/// A step: all streams follow the first, then what the plan says, then the
/// first follows all, and the host waits for it. Event 0 joins streams; the
/// plan's come after it.
Log expectedStep(const plan::Plan &plan) {
  Log log;
  auto line = [&](int64_t stream, const char *what, int64_t event) {
    log.push_back("stream " + std::to_string(stream) + ": " + what + " " +
                  std::to_string(event));
  };
  int64_t numStreams = std::ssize(plan.streams);
  for (int64_t stream = 1; stream < numStreams; ++stream) {
    line(0, "record", 0);
    line(stream, "wait", 0);
  }
  for (const plan::Instruction &instruction : plan.instructions) {
    if (auto *record = std::get_if<plan::Record>(&instruction.op))
      line(instruction.stream, "record", record->event + 1);
    if (auto *wait = std::get_if<plan::Wait>(&instruction.op))
      line(instruction.stream, "wait", wait->event + 1);
  }
  for (int64_t stream = 1; stream < numStreams; ++stream) {
    line(stream, "record", 0);
    line(0, "wait", 0);
  }
  log.push_back("host waits for stream 0");
  return log;
}

TEST(ExecutorStreams, AreToldWhatThePlanSays) {
  OverlappedPlan made;
  made.code(TEST_KERNELS);
  Status status = runLocalRanks(4, {}, [&](comm::Communicator &communicator) {
    LoggedDevice device;
    FABRIC_ASSIGN_OR_RETURN(auto module, loadCode(made.plan, device));
    FABRIC_ASSIGN_OR_RETURN(
        std::unique_ptr<Program> program,
        Program::create(made.plan, communicator.rank(), device, module));
    FABRIC_RETURN_IF_ERROR(program->connect(communicator));
    for (int64_t step = 1; step <= 2; ++step) {
      device.log.clear();
      FABRIC_RETURN_IF_ERROR(program->step(step));
      EXPECT_EQ(device.log, expectedStep(made.plan));
    }
    return communicator.agree(Status::success());
  });
  EXPECT_TRUE(succeeded(status));
}

} // namespace
