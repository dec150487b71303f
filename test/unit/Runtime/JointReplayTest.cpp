//===- JointReplayTest.cpp - Ranks that are captured as one ---------------===//
//
// Ranks as threads that share a device whose streams capture together. What a
// GPU's Mover does is given to such a stream here, and runs on the host.
//
//===----------------------------------------------------------------------===//

#include "CapturingDevice.h"
#include "StatusMatchers.h"
#include "StreamPlans.h"

#include "runtime/Comm/Mover.h"
#include "runtime/Executor/Runner.h"

#include <cmath>
#include <span>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

class CapturingMover final : public comm::Mover {
public:
  CapturingMover(device::Stream &stream, std::unique_ptr<device::Event> marked,
                 std::shared_ptr<comm::Mover> host)
      : stream(capturing(stream)), marked(std::move(marked)),
        host(std::move(host)) {}

  bool onHost() const override { return false; }
  Status mark() override { return stream.record(*marked); }
  Status follow(const Mover &peer) override {
    return stream.wait(*static_cast<const CapturingMover &>(peer).marked);
  }
  Status copyPart(const std::byte *source, comm::Rows from, int64_t fromAt,
                  std::byte *target, comm::Rows to, int64_t toAt,
                  int64_t bytes) override {
    return stream.give([=, host = host] {
      return host->copyPart(source, from, fromAt, target, to, toAt, bytes);
    });
  }
  Status reduceRows(comm::DType dtype, comm::Reduction reduction,
                    std::span<const std::byte *const> sources, comm::Rows from,
                    std::byte *target) override {
    std::vector<const std::byte *> kept(sources.begin(), sources.end());
    return stream.give([=, host = host] {
      return host->reduceRows(dtype, reduction, kept, from, target);
    });
  }

private:
  CapturingStream &stream;
  std::unique_ptr<device::Event> marked;
  std::shared_ptr<comm::Mover> host;
};

} // namespace

/// In place of the one of CudaMover.cpp.
Expected<std::shared_ptr<comm::Mover>>
comm::createCudaMover(device::Stream &stream) {
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Event> marked,
                          stream.createEvent());
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<Mover> host, createMover(nullptr));
  return std::shared_ptr<Mover>(std::make_shared<CapturingMover>(
      stream, std::move(marked), std::move(host)));
}

namespace {

/// Inputs that differ from step to step and from rank to rank.
class Hooks final : public RunHooks {
public:
  Status loadParameter(const plan::Parameter &, int64_t rank,
                       void *shard) override {
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 8; ++i)
      values[i] = std::sin(0.7 * i + static_cast<double>(rank / 2));
    return Status::success();
  }
  Status readInput(const plan::Input &, int64_t step, const Box &box,
                   void *shard) override {
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 16; ++i)
      values[i] = std::cos(0.3 * i + static_cast<double>(step) +
                           static_cast<double>(box.offsets[0]));
    return Status::success();
  }
  Status afterStep(const Program &program, const StepReport &report) override {
    std::lock_guard lock(mutex);
    if (program.rank() == 0)
      losses.push_back(*report.loss);
    return Status::success();
  }
  void remark(const Program &, const std::string &text) override {
    std::lock_guard lock(mutex);
    remarks.push_back(text);
  }
  Status afterProfile(const Profile &, comm::Communicator &) override {
    return Status::success();
  }

  std::vector<double> losses; ///< Rank 0's.
  std::vector<std::string> remarks;

private:
  std::mutex mutex;
};

Status run(const plan::Plan &plan, device::Device &device, Hooks &hooks,
           const RunOptions &options) {
  auto module = loadCode(plan, device);
  EXPECT_TRUE(succeeded(module));
  comm::CommOptions patience;
  patience.timeout = std::chrono::seconds(60);
  return runLocalRanks(static_cast<int>(plan.mesh.numRanks()), patience,
                       [&](comm::Communicator &ranks) {
                         return runRank(plan, device, *module, ranks, options,
                                        hooks);
                       });
}

RunOptions steps(int64_t count) {
  RunOptions options;
  options.steps = count;
  return options;
}

/// Collectives; memory that peers read; and streams.
std::vector<HandmadePlan> makePlans() {
  OverlappedPlan overlapped;
  overlapped.code(TEST_KERNELS);
  return {makeTrainPlan(TEST_KERNELS), makeSharedTrainPlan(TEST_KERNELS),
          overlapped};
}

TEST(JointReplay, AllRanksAreOneGraph) {
  for (const HandmadePlan &made : makePlans()) {
    Hooks plain, replayed;
    ASSERT_TRUE(
        succeeded(run(made.plan, *device::createCpuDevice(), plain, steps(6))));
    CapturingDevice gpu("cuda");
    ASSERT_TRUE(succeeded(run(made.plan, gpu, replayed, steps(6))));
    ASSERT_EQ(plain.losses.size(), 6u);
    EXPECT_EQ(plain.losses, replayed.losses);
    EXPECT_NE(plain.losses[4], plain.losses[5]);
    EXPECT_EQ(gpu.counts.captures, 1);
    EXPECT_EQ(gpu.counts.unfinishedCaptures, 0);
    EXPECT_EQ(gpu.counts.launches, 5);
    EXPECT_TRUE(replayed.remarks.empty());
  }
}

TEST(JointReplay, ProfiledStepsAreGivenOneByOne) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Hooks plain, replayed;
  ASSERT_TRUE(
      succeeded(run(made.plan, *device::createCpuDevice(), plain, steps(7))));
  CapturingDevice gpu("cuda");
  RunOptions options = steps(7);
  options.profile = {.first = 3, .count = 2};
  ASSERT_TRUE(succeeded(run(made.plan, gpu, replayed, options)));
  EXPECT_EQ(plain.losses, replayed.losses);
  EXPECT_EQ(gpu.counts.captures, 1);
  EXPECT_EQ(gpu.counts.launches, 4);
}

TEST(JointReplay, IsNotWhereNobodyWantsIt) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Hooks hooks;
  CapturingDevice gpu("cuda");
  RunOptions options = steps(4);
  options.replay = false;
  ASSERT_TRUE(succeeded(run(made.plan, gpu, hooks, options)));
  EXPECT_EQ(gpu.counts.captures, 0);
}

TEST(JointReplay, FailuresEndTheOtherRanks) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Hooks hooks;
  CapturingDevice gpu("cuda");
  gpu.counts.brokenLaunch = 3;
  EXPECT_TRUE(failedWith(run(made.plan, gpu, hooks, steps(6)),
                         "rank 0: step 4: replaying the captured step: the "
                         "device is lost"));
  EXPECT_EQ(hooks.losses.size(), 3u);
}

/// On whichever rank the product fails.
TEST(JointReplay, EndsCapturesThatFail) {
  for (int gemm : {0, 3, 7}) {
    HandmadePlan made = makeTrainPlan(TEST_KERNELS);
    Hooks hooks;
    CapturingDevice gpu("cuda");
    gpu.failingGemm = gemm;
    EXPECT_TRUE(failedWith(run(made.plan, gpu, hooks, steps(6)),
                           "no product while a stream is captured"));
    EXPECT_EQ(gpu.counts.captures, 1);
    EXPECT_EQ(gpu.counts.unfinishedCaptures, 0);
    EXPECT_EQ(gpu.counts.launches, 0);
  }
}

} // namespace
