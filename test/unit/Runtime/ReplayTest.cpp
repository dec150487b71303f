//===- ReplayTest.cpp - Steps that are captured and run again -------------===//
//
// On a device of the test's own: the cpu's, whose streams can keep what they
// are given and run it later, as a GPU's graphs do.
//
//===----------------------------------------------------------------------===//

#include "HandmadePlan.h"
#include "StatusMatchers.h"

#include "runtime/Executor/Runner.h"

#include <cmath>
#include <mutex>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;
using plan::DType;

namespace {

using Work = std::function<Status()>;

/// What happened to the streams of a device.
struct Counts {
  int captures = 0, launches = 0;
  int workOutsideGraphs = 0; ///< Kernels and products.
  int unfinishedCaptures = 0;
};

class KeptGraph final : public device::Graph {
public:
  KeptGraph(std::vector<Work> work, Counts &counts)
      : work(std::move(work)), counts(counts) {}
  Status launch(device::Stream &) override {
    ++counts.launches;
    for (const Work &one : work)
      FABRIC_RETURN_IF_ERROR(one());
    return Status::success();
  }

private:
  std::vector<Work> work;
  Counts &counts;
};

class CapturingStream final : public device::Stream {
public:
  CapturingStream(std::unique_ptr<device::Stream> real, Counts &counts)
      : real(std::move(real)), counts(counts) {}
  std::string_view kind() const override { return real->kind(); }
  Expected<std::unique_ptr<device::Event>> createEvent() override {
    return real->createEvent();
  }
  Status record(device::Event &event) override { return real->record(event); }
  Status wait(const device::Event &event) override { return real->wait(event); }
  Status synchronize() override {
    return capturing ? Status::error("a capture cannot wait")
                     : real->synchronize();
  }
  Expected<bool> done() override { return real->done(); }
  Expected<std::unique_ptr<device::Stopwatch>>
  createStopwatch(size_t laps) override {
    return real->createStopwatch(laps);
  }

  bool captures() const override { return true; }
  Status beginCapture() override {
    capturing = true;
    ++counts.captures;
    ++counts.unfinishedCaptures;
    return Status::success();
  }
  Expected<std::unique_ptr<device::Graph>> endCapture() override {
    capturing = false;
    --counts.unfinishedCaptures;
    return std::unique_ptr<device::Graph>(
        std::make_unique<KeptGraph>(std::exchange(kept, {}), counts));
  }

  Status give(Work work) {
    if (!capturing) {
      ++counts.workOutsideGraphs;
      return work();
    }
    kept.push_back(std::move(work));
    return Status::success();
  }
  bool isCapturing() const { return capturing; }

private:
  std::unique_ptr<device::Stream> real;
  Counts &counts;
  bool capturing = false;
  std::vector<Work> kept;
};

CapturingStream &capturing(device::Stream &stream) {
  return static_cast<CapturingStream &>(stream);
}

class CapturingKernel final : public device::Kernel {
public:
  explicit CapturingKernel(std::unique_ptr<device::Kernel> real)
      : real(std::move(real)) {}
  Status launch(device::Stream &stream, void *const *buffers) const override {
    return capturing(stream).give(
        [this, &stream, buffers] { return real->launch(stream, buffers); });
  }

private:
  std::unique_ptr<device::Kernel> real;
};

class CapturingModule final : public device::Module {
public:
  explicit CapturingModule(std::shared_ptr<device::Module> real)
      : real(std::move(real)) {}
  Expected<std::unique_ptr<device::Kernel>>
  find(const std::string &symbol, int64_t numBuffers,
       const std::optional<plan::Grid> &grid) const override {
    FABRIC_ASSIGN_OR_RETURN(auto kernel, real->find(symbol, numBuffers, grid));
    return std::unique_ptr<device::Kernel>(
        std::make_unique<CapturingKernel>(std::move(kernel)));
  }

private:
  std::shared_ptr<device::Module> real;
};

class CapturingGemm final : public kernels::Gemm {
public:
  CapturingGemm(std::unique_ptr<kernels::Gemm> real, CapturingStream &stream,
                bool fails)
      : real(std::move(real)), stream(stream), fails(fails) {}
  int64_t scratchBytes() const override { return real->scratchBytes(); }
  Status run(const void *a, const void *b, const void *bias, void *c,
             void *scratch) override {
    if (fails && stream.isCapturing())
      return Status::error("no product while a stream is captured");
    return stream.give([=, this] { return real->run(a, b, bias, c, scratch); });
  }

private:
  std::unique_ptr<kernels::Gemm> real;
  CapturingStream &stream;
  const bool fails;
};

class CapturingDevice final : public device::Device {
public:
  std::string_view kind() const override { return real->kind(); }
  Status check(const plan::Target &target) const override {
    return real->check(target);
  }
  bool hostAccessible() const override { return true; }
  Expected<std::unique_ptr<device::Memory>> allocate(int64_t bytes,
                                                     int64_t align) override {
    return real->allocate(bytes, align);
  }
  Expected<std::unique_ptr<device::Memory>>
  allocateHost(int64_t bytes) override {
    return real->allocateHost(bytes);
  }
  Expected<std::unique_ptr<device::Stream>> createStream() override {
    FABRIC_ASSIGN_OR_RETURN(auto stream, real->createStream());
    return std::unique_ptr<device::Stream>(
        std::make_unique<CapturingStream>(std::move(stream), counts));
  }
  /// The host's bytes are another's when a graph is run again.
  Status copyFromHost(device::Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    if (capturing(stream).isCapturing())
      return Status::error("a capture cannot keep the host's bytes");
    return real->copyFromHost(stream, target, source, bytes);
  }
  Status copyToHost(device::Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    return copyFromHost(stream, target, source, bytes);
  }
  Status copy(device::Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return capturing(stream).give([=, this, &stream] {
      return real->copy(stream, target, source, bytes);
    });
  }
  Expected<std::shared_ptr<device::Module>>
  load(std::span<const std::byte> code) override {
    FABRIC_ASSIGN_OR_RETURN(auto module, real->load(code));
    return std::shared_ptr<device::Module>(
        std::make_shared<CapturingModule>(std::move(module)));
  }
  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, device::Stream &stream) override {
    FABRIC_ASSIGN_OR_RETURN(auto gemm, real->createGemm(desc, stream));
    return std::unique_ptr<kernels::Gemm>(std::make_unique<CapturingGemm>(
        std::move(gemm), capturing(stream), gemmsFail));
  }

  Counts counts;
  bool gemmsFail = false;

private:
  std::shared_ptr<device::Device> real = device::createCpuDevice();
};

/// Descends sum(y^2), y = x w^T, on one rank; the loss comes out by a copy.
HandmadePlan makeAlonePlan() {
  HandmadePlan made({{"dp", 1}, {"tp", 1}});
  made.plan.mode = plan::Mode::Train;
  made.code(TEST_KERNELS);
  plan::Initializer init{plan::Initializer::Kind::Normal, 0.0, 0.5};
  auto x = made.input("x", DType::F64, {4, 4}, {{{}, {}}});
  auto w = made.parameter("w", DType::F64, {4, 4}, {{{}, {}}}, init);
  auto y = made.buffer(DType::F64, {4, 4}), loss = made.buffer(DType::F64, {});
  auto gy = made.buffer(DType::F64, {4, 4});
  auto gw = made.buffer(DType::F64, {4, 4}), out = made.buffer(DType::F64, {});
  auto lr = made.scalar("lr", DType::F64, 0.01);
  auto step = made.scalar("step", DType::F64, 0);
  made.gemm(x, false, w, true, y);
  made.launch("square_loss16", {y, loss, gy}, {loss, gy});
  made.gemm(gy, true, x, false, gw);
  made.launch("descend8", {w, gw, lr, step}, {w});
  made.add(plan::Copy{loss, out});
  made.output("loss", out, {}, {}, true);
  return made;
}

/// Inputs that differ from step to step.
class Hooks final : public RunHooks {
public:
  Status loadParameter(const plan::Parameter &, int64_t, void *shard) override {
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 16; ++i)
      values[i] = std::sin(0.7 * i);
    return Status::success();
  }
  Status readInput(const plan::Input &, int64_t step, const Box &,
                   void *shard) override {
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 16; ++i)
      values[i] = std::cos(0.3 * i + static_cast<double>(step));
    return Status::success();
  }
  Status afterStep(const Program &, const StepReport &report) override {
    losses.push_back(*report.loss);
    return Status::success();
  }
  void remark(const Program &, const std::string &text) override {
    std::lock_guard lock(mutex);
    remarks.push_back(text);
  }
  Status afterProfile(const Profile &, comm::Communicator &) override {
    ++profiles;
    return Status::success();
  }

  std::vector<double> losses;
  std::vector<std::string> remarks;
  int profiles = 0;

private:
  std::mutex mutex;
};

RunOptions steps(int64_t count) {
  RunOptions options;
  options.steps = count;
  return options;
}

Status run(const plan::Plan &plan, device::Device &device, Hooks &hooks,
           const RunOptions &options = steps(6)) {
  auto module = loadCode(plan, device);
  EXPECT_TRUE(succeeded(module));
  return runLocalRanks(static_cast<int>(plan.mesh.numRanks()), {},
                       [&](comm::Communicator &ranks) {
                         return runRank(plan, device, *module, ranks, options,
                                        hooks);
                       });
}

TEST(Replay, StepsComputeWhatTheyDoOneByOne) {
  HandmadePlan made = makeAlonePlan();
  Hooks plain, replayed;
  ASSERT_TRUE(succeeded(run(made.plan, *device::createCpuDevice(), plain)));
  CapturingDevice device;
  ASSERT_TRUE(succeeded(run(made.plan, device, replayed)));
  ASSERT_EQ(plain.losses.size(), 6u);
  EXPECT_EQ(plain.losses, replayed.losses);
  EXPECT_NE(plain.losses[4], plain.losses[5]);
  // The first step is given one by one: five instructions.
  EXPECT_EQ(device.counts.captures, 1);
  EXPECT_EQ(device.counts.launches, 5);
  EXPECT_EQ(device.counts.workOutsideGraphs, 5);
  EXPECT_TRUE(replayed.remarks.empty());
}

TEST(Replay, IsNotWhereNobodyWantsIt) {
  HandmadePlan made = makeAlonePlan();
  Hooks hooks;
  CapturingDevice device;
  RunOptions options = steps(6);
  options.replay = false;
  ASSERT_TRUE(succeeded(run(made.plan, device, hooks, options)));
  EXPECT_EQ(device.counts.captures, 0);
  EXPECT_EQ(device.counts.workOutsideGraphs, 6 * 5);
}

TEST(Replay, ProfiledStepsAreGivenOneByOne) {
  HandmadePlan made = makeAlonePlan();
  Hooks plain, hooks;
  ASSERT_TRUE(succeeded(run(made.plan, *device::createCpuDevice(), plain)));
  CapturingDevice device;
  RunOptions options = steps(6);
  options.profile = {.first = 2, .count = 3};
  ASSERT_TRUE(succeeded(run(made.plan, device, hooks, options)));
  EXPECT_EQ(hooks.profiles, 1);
  EXPECT_EQ(plain.losses, hooks.losses);
  EXPECT_EQ(device.counts.launches, 2);
  EXPECT_EQ(device.counts.workOutsideGraphs, 4 * 5);
}

/// Ranks that meet on the host in a collective cannot be captured.
TEST(Replay, SaysWhereItCannotBe) {
  HandmadePlan made({{"dp", 2}});
  auto loss = made.buffer(DType::F64, {});
  made.collective(Kind::AllReduce, {dp}, loss, loss, {}, {});
  Hooks hooks;
  CapturingDevice device;
  ASSERT_TRUE(succeeded(run(made.plan, device, hooks, steps(3))));
  EXPECT_EQ(device.counts.captures, 0);
  EXPECT_EQ(hooks.remarks,
            std::vector<std::string>(
                2, "steps are not replayed as a graph: ranks of local wait for "
                   "each other on the host"));
}

TEST(Replay, EndsCapturesThatFail) {
  HandmadePlan made = makeAlonePlan();
  Hooks hooks;
  CapturingDevice device;
  device.gemmsFail = true;
  EXPECT_TRUE(failedWith(run(made.plan, device, hooks),
                         "step 2: rank 0, instruction 0 (gemm) at "
                         "model.mlir:1:1: no product while a stream is "
                         "captured"));
  EXPECT_EQ(device.counts.captures, 1);
  EXPECT_EQ(device.counts.unfinishedCaptures, 0);
  EXPECT_EQ(device.counts.launches, 0);
}

} // namespace
