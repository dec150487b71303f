//===- ProfileTest.cpp - When instructions ran, and as a timeline ---------===//

#include "StatusMatchers.h"
#include "StreamPlans.h"

#include "runtime/Executor/Runner.h"
#include "runtime/Executor/TraceFile.h"
#include "runtime/Support/Json.h"

#include <chrono>
#include <map>
#include <thread>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

using Ranks = std::vector<std::vector<StepTimes>>;

int64_t systemNanoseconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

/// Zeros in, and what was gathered on rank 0 out.
class ProfilingHooks final : public RunHooks {
public:
  Status loadParameter(const plan::Parameter &, int64_t, void *) override {
    return Status::success();
  }
  Status readInput(const plan::Input &, int64_t, const Box &, void *) override {
    return Status::success();
  }
  Status afterProfile(const Profile &profile,
                      comm::Communicator &communicator) override {
    auto gathered = profile.gather(communicator);
    if (gathered.ok() && communicator.rank() == 0) {
      ranks = *gathered;
      ++calls;
    }
    return gathered.ok() ? Status::success() : gathered.status();
  }
  Ranks ranks;
  int calls = 0;
};

Ranks profile(const plan::Plan &plan, int64_t steps, ProfileSteps which) {
  auto device = device::createCpuDevice();
  auto module = loadCode(plan, *device);
  EXPECT_TRUE(succeeded(module));
  ProfilingHooks hooks;
  RunOptions options;
  options.steps = steps;
  options.profile = which;
  Status status = runLocalRanks(static_cast<int>(plan.mesh.numRanks()), {},
                                [&](comm::Communicator &ranks) {
                                  return runRank(plan, *device, *module, ranks,
                                                 options, hooks);
                                });
  EXPECT_TRUE(succeeded(status));
  EXPECT_EQ(hooks.calls, 1);
  return hooks.ranks;
}

TEST(Profile, HasEveryInstructionOfTheStepsInOrder) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  int64_t before = systemNanoseconds();
  Ranks ranks = profile(made.plan, 6, {.first = 2, .count = 3});
  int64_t after = systemNanoseconds();
  ASSERT_EQ(ranks.size(), 4u);
  for (const std::vector<StepTimes> &rank : ranks) {
    ASSERT_EQ(rank.size(), 3u);
    int64_t last = before;
    for (size_t i = 0; i < rank.size(); ++i) {
      const StepTimes &times = rank[i];
      EXPECT_EQ(times.step, static_cast<int64_t>(2 + i));
      EXPECT_GE(times.whole.begin, last);
      EXPECT_EQ(times.inputs.begin, times.whole.begin);
      last = times.inputs.end;
      ASSERT_EQ(times.instructions.size(), made.plan.instructions.size());
      for (const Span &span : times.instructions) {
        EXPECT_GE(span.begin, last);
        EXPECT_GE(span.end, span.begin);
        last = span.end;
      }
      EXPECT_GE(times.whole.end, last);
      last = times.whole.end;
    }
    EXPECT_LE(last, after);
  }
}

TEST(Profile, EndsWithTheRun) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Ranks ranks = profile(made.plan, 3, {.first = 1, .count = 100});
  for (const std::vector<StepTimes> &rank : ranks) {
    ASSERT_EQ(rank.size(), 2u);
    EXPECT_EQ(rank[1].step, 2);
  }
}

/// Every stream has its own clock, and its own thread in the file.
TEST(Profile, StreamsAreThreads) {
  OverlappedPlan made;
  made.code(TEST_KERNELS);
  Ranks ranks = profile(made.plan, 3, {.first = 1, .count = 2});
  auto trace = parseJson(traceText(made.plan, ranks));
  ASSERT_TRUE(succeeded(trace));
  std::map<int64_t, std::string> threads;
  std::map<int64_t, size_t> found, planned;
  for (const plan::Instruction &instruction : made.plan.instructions)
    planned[1 + instruction.stream] += 2 * ranks.size();
  for (const auto &event : (*trace)["traceEvents"]) {
    if (event["name"] == "thread_name")
      threads[event["tid"]] = event["args"]["name"];
    if (event["args"].contains("instruction"))
      ++found[event["tid"]];
  }
  EXPECT_EQ(threads,
            (std::map<int64_t, std::string>{
                {0, "host"}, {1, "compute"}, {2, "dp"}, {3, "dp,tp"}}));
  EXPECT_EQ(found, planned);
  for (const std::vector<StepTimes> &rank : ranks)
    for (const StepTimes &times : rank)
      for (const Span &span : times.instructions) {
        EXPECT_GE(span.begin, times.inputs.end);
        EXPECT_GE(span.end, span.begin);
        EXPECT_LE(span.end, times.whole.end);
      }
}

/// An instruction that waits takes its time, and no other does.
TEST(Profile, TimesTheInstructionThatWaits) {
  HandmadePlan made({{"dp", 2}});
  auto value = made.buffer(plan::DType::F64, {});
  made.collective(Kind::AllReduce, {dp}, value, value, {}, {});
  made.add(plan::Copy{value, value});
  constexpr auto late = std::chrono::milliseconds(50);

  auto device = device::createCpuDevice();
  Profile profiles[] = {{made.plan, {}}, {made.plan, {}}};
  Status status =
      runLocalRanks(2, {}, [&](comm::Communicator &ranks) -> Status {
        auto program =
            Program::create(made.plan, ranks.rank(), *device, nullptr);
        FABRIC_RETURN_IF_ERROR((*program)->connect(ranks));
        FABRIC_RETURN_IF_ERROR(ranks.agree(Status::success()));
        if (ranks.rank() == 1)
          std::this_thread::sleep_for(late);
        Profile &profile = profiles[ranks.rank()];
        FABRIC_RETURN_IF_ERROR((*program)->step(1, &profile));
        profile.finish(0, {}, {});
        FABRIC_ASSIGN_OR_RETURN(auto all, profile.gather(ranks));
        const StepTimes &first = all[0][0];
        auto nanoseconds = [](Span span) { return span.end - span.begin; };
        EXPECT_GE(nanoseconds(first.instructions[0]), 40'000'000);
        EXPECT_LT(nanoseconds(first.instructions[1]), 40'000'000);
        return Status::success();
      });
  EXPECT_TRUE(succeeded(status));
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

/// Steps of one instruction a nanosecond apart, from `begin` on.
StepTimes timesFrom(int64_t step, int64_t begin, size_t instructions) {
  StepTimes times;
  times.step = step;
  times.whole = {begin, begin + 1000};
  times.inputs = {begin, begin + 100};
  for (size_t i = 0; i < instructions; ++i) {
    auto at = begin + 200 + 10 * static_cast<int64_t>(i);
    times.instructions.push_back({at, at + 5});
  }
  return times;
}

TEST(TraceFile, NamesEveryRankThreadAndInstruction) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  size_t numInstructions = made.plan.instructions.size();
  ASSERT_EQ(numInstructions, 7u);
  Ranks ranks(4);
  for (auto &rank : ranks)
    for (int64_t step : {1, 2})
      rank.push_back(timesFrom(step, 5'000'000 + step * 1000, numInstructions));
  auto trace = parseJson(traceText(made.plan, ranks));
  ASSERT_TRUE(succeeded(trace));
  EXPECT_EQ((*trace)["otherData"]["mesh"], R"(["dp"=2, "tp"=2])");

  std::map<int64_t, std::string> processes;
  std::map<std::pair<int64_t, std::string>, int> spans;
  for (const auto &event : (*trace)["traceEvents"]) {
    if (event["name"] == "process_name")
      processes[event["pid"]] = event["args"]["name"];
    if (event["ph"] == "X")
      ++spans[{event["pid"], event["name"]}];
  }
  EXPECT_EQ(processes,
            (std::map<int64_t, std::string>{{0, "rank 0 (dp=0, tp=0)"},
                                            {1, "rank 1 (dp=0, tp=1)"},
                                            {2, "rank 2 (dp=1, tp=0)"},
                                            {3, "rank 3 (dp=1, tp=1)"}}));
  for (int64_t rank = 0; rank < 4; ++rank) {
    auto count = [&](const char *name) { return spans[{rank, name}]; };
    EXPECT_EQ(count("step 2"), 1);
    EXPECT_EQ(count("step 3"), 1);
    EXPECT_EQ(count("read inputs"), 2);
    EXPECT_EQ(count("all_gather at model.mlir:1:1"), 2);
    EXPECT_EQ(count("gemm at model.mlir:2:1"), 2);
    EXPECT_EQ(count("square_loss16 at model.mlir:3:1"), 2);
    EXPECT_EQ(count("all_reduce at model.mlir:4:1"), 2);
    EXPECT_EQ(count("gemm at model.mlir:5:1"), 2);
    EXPECT_EQ(count("reduce_scatter at model.mlir:6:1"), 2);
    EXPECT_EQ(count("descend8 at model.mlir:7:1"), 2);
  }
  EXPECT_EQ(spans.size(), 4u * 10);
}

TEST(TraceFile, CarriesTimeAndWork) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  auto &gather = std::get<plan::Collective>(made.plan.instructions[0].op);
  gather.bytesSent = 64;
  gather.why = "gather w for use";
  auto trace = parseJson(traceText(
      made.plan, {{timesFrom(1, 5'000'000, made.plan.instructions.size())}}));
  ASSERT_TRUE(succeeded(trace));
  std::vector<nlohmann::json> events;
  for (const auto &event : (*trace)["traceEvents"])
    if (event["ph"] == "X")
      events.push_back(event);
  ASSERT_EQ(events.size(), 9u);
  EXPECT_EQ(events[0]["ts"], 0.0);
  EXPECT_EQ(events[0]["dur"], 1.0);

  EXPECT_EQ(events[2]["cat"], "collective");
  EXPECT_EQ(events[2]["ts"], 0.2);
  EXPECT_EQ(events[2]["dur"], 0.005);
  EXPECT_EQ(events[2]["args"]["bytes_sent"], 64);
  EXPECT_EQ(events[2]["args"]["axes"], R"({"dp"})");
  EXPECT_EQ(events[2]["args"]["why"], "gather w for use");
  EXPECT_EQ(events[2]["args"]["step"], 2);

  // y = x w^T, 4 x 4 x 4 in f64.
  EXPECT_EQ(events[3]["cat"], "gemm");
  EXPECT_EQ(events[3]["args"]["flops"], 2 * 4 * 4 * 4);
  EXPECT_EQ(events[3]["args"]["bytes"], 3 * 4 * 4 * 8);
  // Two matrices and the loss.
  EXPECT_EQ(events[4]["cat"], "kernel");
  EXPECT_EQ(events[4]["args"]["bytes"], 2 * 4 * 4 * 8 + 8);
  EXPECT_EQ(events[4]["args"]["loc"], "model.mlir:3:1");
}

} // namespace
