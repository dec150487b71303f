//===- InputReaderTest.cpp - Inputs that are read before their step -------===//

#include "HandmadePlan.h"
#include "StatusMatchers.h"

#include "runtime/Executor/Runner.h"

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <set>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;
using namespace std::chrono_literals;

namespace {

/// Inputs that differ from step to step, and what became of them on rank 0.
class Hooks : public RunHooks {
public:
  Status loadParameter(const plan::Parameter &, int64_t, void *shard) override {
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 8; ++i)
      values[i] = std::sin(0.7 * i);
    return Status::success();
  }
  Status readInput(const plan::Input &, int64_t step, const Box &box,
                   void *shard) override {
    {
      std::lock_guard lock(mutex);
      steps.insert(step);
      changed.notify_all();
      if (step == brokenStep && box.offsets[0] == 0)
        return Status::error("x.npy ends before step ", step);
    }
    auto *values = static_cast<double *>(shard);
    for (int i = 0; i < 16; ++i)
      values[i] = std::cos(0.3 * i + static_cast<double>(step));
    return Status::success();
  }
  Status afterStep(const Program &program, const StepReport &report) override {
    if (program.rank() == 0)
      losses.push_back(*report.loss);
    return Status::success();
  }

  std::vector<double> losses;
  int64_t brokenStep = -1;
  std::set<int64_t> steps; ///< That any rank has begun to read.

protected:
  std::mutex mutex;
  std::condition_variable changed;
};

Status run(Hooks &hooks, bool readAhead, int64_t steps) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  auto device = device::createCpuDevice();
  auto module = loadCode(made.plan, *device);
  EXPECT_TRUE(succeeded(module));
  RunOptions options;
  options.steps = steps;
  options.readAhead = readAhead;
  return runLocalRanks(4, {}, [&](comm::Communicator &ranks) {
    return runRank(made.plan, *device, *module, ranks, options, hooks);
  });
}

TEST(InputReader, AheadOrNotTheSameBits) {
  for (int64_t steps : {0, 1, 2, 7}) {
    Hooks plain, ahead;
    ASSERT_TRUE(succeeded(run(plain, false, steps)));
    ASSERT_TRUE(succeeded(run(ahead, true, steps)));
    EXPECT_EQ(plain.losses.size(), static_cast<size_t>(steps));
    EXPECT_EQ(plain.losses, ahead.losses);
    // Nothing is read that no step takes.
    EXPECT_EQ(ahead.steps.size(), static_cast<size_t>(steps));
  }
}

/// Does not end a step before somebody has begun to read the next one's input.
class WaitingHooks final : public Hooks {
public:
  Status afterStep(const Program &program, const StepReport &report) override {
    FABRIC_RETURN_IF_ERROR(Hooks::afterStep(program, report));
    std::unique_lock lock(mutex);
    if (report.step < 3 && !changed.wait_for(lock, 10s, [&] {
          return steps.contains(report.step);
        }))
      return Status::error("nobody reads the input of step ", report.step + 1);
    return Status::success();
  }
};

TEST(InputReader, ReadsWhileAStepRuns) {
  WaitingHooks hooks;
  EXPECT_TRUE(succeeded(run(hooks, true, 3)));
}

TEST(InputReader, FailuresBelongToTheirStep) {
  for (bool readAhead : {false, true})
    for (int64_t broken : {0, 2, 4}) {
      Hooks hooks;
      hooks.brokenStep = broken;
      EXPECT_TRUE(
          failedWith(run(hooks, readAhead, 5),
                     "x.npy ends before step " + std::to_string(broken)));
      EXPECT_EQ(hooks.losses.size(), static_cast<size_t>(broken));
    }
}

/// A step that fails while its successor's input is being read.
TEST(InputReader, RunsThatEndEarly) {
  class Hooks final : public ::Hooks {
  public:
    Status afterStep(const Program &program, const StepReport &) override {
      return program.rank() == 2 ? Status::error("the disk is full")
                                 : Status::success();
    }
  };
  Hooks hooks;
  EXPECT_TRUE(failedWith(run(hooks, true, 5), "the disk is full"));
}

} // namespace
