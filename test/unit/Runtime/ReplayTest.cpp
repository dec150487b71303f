//===- ReplayTest.cpp - Steps that are captured and run again -------------===//

#include "CapturingDevice.h"
#include "StatusMatchers.h"

#include "runtime/Executor/Runner.h"

#include <cmath>
#include <mutex>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;
using plan::DType;

namespace {

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
    if (report.loss)
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
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
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
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
  Hooks hooks;
  CapturingDevice device;
  RunOptions options = steps(6);
  options.replay = false;
  ASSERT_TRUE(succeeded(run(made.plan, device, hooks, options)));
  EXPECT_EQ(device.counts.captures, 0);
  EXPECT_EQ(device.counts.workOutsideGraphs, 6 * 5);
}

TEST(Replay, ProfiledStepsAreGivenOneByOne) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
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

TEST(Replay, FailuresNameRankAndStep) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
  Hooks hooks;
  CapturingDevice device;
  device.counts.brokenLaunch = 3;
  EXPECT_TRUE(failedWith(run(made.plan, device, hooks),
                         "rank 0: step 4: replaying the captured step: the "
                         "device is lost"));
  EXPECT_EQ(hooks.losses.size(), 3u);
}

TEST(Replay, EndsCapturesThatFail) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
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
