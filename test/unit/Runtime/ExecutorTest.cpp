//===- ExecutorTest.cpp - Plans against plain loops -----------------------===//

#include "HandmadePlan.h"
#include "StatusMatchers.h"
#include "StreamPlans.h"

#include "runtime/Executor/Session.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;
using plan::DType;

namespace {

template <typename T>
HostTensor waves(DType dtype, plan::Shape shape, double phase) {
  HostTensor tensor = HostTensor::zeros(dtype, std::move(shape));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.data<T>()[i] =
        static_cast<T>(std::sin(0.37 * static_cast<double>(i) + phase));
  return tensor;
}

bool sameBits(const HostTensor &a, const HostTensor &b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

TEST(Executor, LinearOnEveryMesh) {
  HostTensor x = waves<float>(DType::F32, {24, 6}, 0.1);
  HostTensor w = waves<float>(DType::F32, {24, 6}, 0.7);
  for (auto [dpSize, tpSize] : std::vector<std::pair<int, int>>{
           {1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {1, 3}, {2, 4}, {4, 2}}) {
    HandmadePlan made = makeLinearPlan(dpSize, tpSize);
    RunInputs inputs;
    inputs.parameters["w"] = w;
    inputs.inputs = {{{"x", x}}};
    auto run = runLocal(made.plan, inputs);
    ASSERT_TRUE(succeeded(run));
    const HostTensor &y = run->outputs[0].at("y");
    ASSERT_EQ(y.shape, (plan::Shape{24, 24}));
    for (int64_t row = 0; row < 24; ++row)
      for (int64_t column = 0; column < 24; ++column) {
        double expected = 0;
        for (int64_t k = 0; k < 6; ++k)
          expected += static_cast<double>(x.data<float>()[row * 6 + k]) *
                      w.data<float>()[column * 6 + k];
        ASSERT_NEAR(y.data<float>()[row * 24 + column], expected, 1e-6)
            << dpSize << " x " << tpSize;
      }
    EXPECT_TRUE(sameBits(run->parameters.at("w"), w));
    EXPECT_EQ(run->memory.arenas, made.plan.memory.peak);
  }
}

/// What makeTrainPlan computes, unsharded.
struct PlainTraining {
  std::vector<double> w;
  std::vector<double> losses;

  void step(const double *x, double lr, int step) {
    double loss = 0;
    std::vector<double> gradient(16);
    for (int row = 0; row < 8; ++row)
      for (int out = 0; out < 4; ++out) {
        double y = 0;
        for (int k = 0; k < 4; ++k)
          y += x[row * 4 + k] * w[out * 4 + k];
        loss += y * y;
        for (int k = 0; k < 4; ++k)
          gradient[out * 4 + k] += 2 * y * x[row * 4 + k];
      }
    losses.push_back(loss);
    for (int i = 0; i < 16; ++i)
      w[i] -= lr / step * gradient[i];
  }
};

void expectPlainTraining(const HandmadePlan &made) {
  HostTensor w = waves<double>(DType::F64, {4, 4}, 0.2);
  HostTensor batches[] = {waves<double>(DType::F64, {8, 4}, 0.5),
                          waves<double>(DType::F64, {8, 4}, 0.9)};
  RunInputs inputs;
  inputs.parameters["w"] = w;
  inputs.inputs = {{{"x", batches[0]}}, {{"x", batches[1]}}};
  inputs.steps = 5;
  inputs.scalars["lr"] = 0.02;
  auto run = runLocal(made.plan, inputs);
  ASSERT_TRUE(succeeded(run));

  PlainTraining plain;
  plain.w.assign(w.data<double>(), w.data<double>() + 16);
  for (int step = 0; step < 5; ++step)
    plain.step(batches[step % 2].data<double>(), 0.02, step + 1);
  for (int step = 0; step < 5; ++step)
    EXPECT_NEAR(*run->outputs[step].at("loss").data<double>(),
                plain.losses[step], 1e-13 * plain.losses[step]);
  for (int i = 0; i < 16; ++i)
    EXPECT_NEAR(run->parameters.at("w").data<double>()[i], plain.w[i], 1e-14);
  EXPECT_LT(plain.losses.back(), plain.losses.front());
}

TEST(Executor, TrainsLikePlainLoops) {
  for (int tpSize : {1, 2, 3})
    expectPlainTraining(makeTrainPlan(TEST_KERNELS, tpSize));
}

TEST(Executor, TrainsOnPeersMemoryLikePlainLoops) {
  for (int tpSize : {1, 2, 3})
    expectPlainTraining(makeSharedTrainPlan(TEST_KERNELS, tpSize));
}

TEST(Executor, KernelsReadPeers) {
  HandmadePlan made = makeSharedKernelsPlan(TEST_KERNELS);
  HostTensor x = waves<double>(DType::F64, {8, 4}, 0.3);
  RunInputs inputs;
  inputs.inputs = {{{"x", x}}};
  inputs.steps = 50;
  auto run = runLocal(made.plan, inputs);
  ASSERT_TRUE(succeeded(run));
  double rate = 0;
  for (int step = 1; step <= 50; ++step)
    rate += 0.5 / step;
  for (int i = 0; i < 16; ++i)
    EXPECT_NEAR(run->parameters.at("w").data<double>()[i],
                -rate * 2 * (x.data<double>()[i] + x.data<double>()[16 + i]),
                1e-13);
}

void expectTheSameBits(const HandmadePlan &made) {
  RunInputs inputs;
  inputs.inputs = {{{"x", waves<double>(DType::F64, {8, 4}, 0.5)}}};
  inputs.steps = 4;
  auto first = runLocal(made.plan, inputs);
  ASSERT_TRUE(succeeded(first));
  for (int run = 0; run < 20; ++run) {
    auto again = runLocal(made.plan, inputs);
    ASSERT_TRUE(succeeded(again));
    EXPECT_TRUE(sameBits(again->parameters.at("w"), first->parameters.at("w")));
    for (int step = 0; step < 4; ++step)
      EXPECT_TRUE(sameBits(again->outputs[step].at("loss"),
                           first->outputs[step].at("loss")));
  }
}

TEST(Executor, TwentyRunsGiveTheSameBits) {
  expectTheSameBits(makeTrainPlan(TEST_KERNELS));
  expectTheSameBits(makeSharedTrainPlan(TEST_KERNELS));
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

RunInputs streamInputs() {
  RunInputs inputs;
  inputs.inputs = {{{"x", waves<double>(DType::F64, {8, 4}, 0.5)}},
                   {{"x", waves<double>(DType::F64, {8, 4}, 0.9)}}};
  inputs.steps = 3;
  return inputs;
}

bool sameBits(const RunOutputs &a, const RunOutputs &b) {
  for (size_t step = 0; step < a.outputs.size(); ++step)
    if (!sameBits(a.outputs[step].at("loss"), b.outputs[step].at("loss")))
      return false;
  return std::all_of(
      a.parameters.begin(), a.parameters.end(), [&](const auto &parameter) {
        return sameBits(parameter.second, b.parameters.at(parameter.first));
      });
}

// On the cpu the plan's order is the order; on a device any may be that the
// streams and events allow.
TEST(Executor, EveryOrderOfStreamsGivesTheSameBits) {
  OverlappedPlan made;
  made.code(TEST_KERNELS);
  auto first = runLocal(made.plan, streamInputs());
  ASSERT_TRUE(succeeded(first));
  EXPECT_NE(*first->outputs[0].at("loss").data<double>(), 0.0);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto again = runLocal(reorder(made.plan, seed), streamInputs());
    ASSERT_TRUE(succeeded(again));
    EXPECT_TRUE(sameBits(*first, *again)) << seed;
  }
}

// And without any of the waits there is an order that gives others.
TEST(Executor, AMissingWaitShowsInSomeOrder) {
  OverlappedPlan made;
  made.code(TEST_KERNELS);
  auto first = runLocal(made.plan, streamInputs());
  ASSERT_TRUE(succeeded(first));
  for (size_t wait : findWaits(made.plan)) {
    plan::Plan damaged = without(made.plan, wait);
    EXPECT_TRUE(failedWith(runLocal(damaged, streamInputs()),
                           "expected a wait between"));
    bool differs = false;
    for (uint64_t seed = 0; seed < 50 && !differs; ++seed) {
      auto again = runLocal(reorder(damaged, seed), streamInputs());
      ASSERT_TRUE(succeeded(again));
      differs = !sameBits(*first, *again);
    }
    EXPECT_TRUE(differs) << "without instruction " << wait;
  }
}

/// A communicator that offers nothing but collectives.
class PlainCommunicator final : public comm::Communicator {
public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string_view name() const override { return "plain"; }
  Expected<std::vector<std::string>>
  exchange(const std::string &bytes) override {
    return std::vector<std::string>{bytes};
  }
  void abort(const Status &) override {}
  int64_t scratchBytes() const override { return 0; }

protected:
  Expected<std::unique_ptr<comm::Group>>
  doCreateGroup(comm::GroupSpec, int, std::shared_ptr<comm::Mover>,
                device::Stream *) override {
    return Status::error("no groups");
  }
};

class NoHooks final : public RunHooks {
public:
  Status loadParameter(const plan::Parameter &, int64_t, void *) override {
    return Status::error("nothing is read");
  }
  Status readInput(const plan::Input &, int64_t, const Box &, void *) override {
    return Status::error("nothing is read");
  }
};

TEST(Executor, NeedsWhatThePlanNeeds) {
  PlainCommunicator communicator;
  NoHooks hooks;
  HandmadePlan made = makeSharedTrainPlan(TEST_KERNELS);
  Status status = runRank(made.plan, *device::createCpuDevice(), nullptr,
                          communicator, {}, hooks);
  EXPECT_TRUE(failedWith(status, "the plan needs ranks that share memory, and "
                                 "those of plain do not: compile it with "
                                 "--comm=any, or run it without a launcher"));
  EXPECT_TRUE(communicator.agreedOnFailure());
  EXPECT_TRUE(failedWith(communicator.shareMemory(nullptr),
                         "ranks of plain do not share memory"));
}

// The arenas of a rank that fails are still read by the others.
TEST(Executor, ARankThatFailsTakesNoMemoryAway) {
  HandmadePlan made = makeSharedTrainPlan(TEST_KERNELS);
  auto device = device::createCpuDevice();
  auto module = loadCode(made.plan, *device);
  ASSERT_TRUE(succeeded(module));
  Status status = runLocalRanks(4, {}, [&](comm::Communicator &communicator) {
    FABRIC_ASSIGN_OR_RETURN(
        std::unique_ptr<Program> program,
        Program::create(made.plan, communicator.rank(), *device, *module));
    FABRIC_RETURN_IF_ERROR(program->connect(communicator));
    if (communicator.rank() == 1)
      return Status::error("rank 1 leaves");
    // What a kernel that is under way does.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    for (size_t id = 0; id < made.plan.buffers.size(); ++id)
      if (made.plan.buffers[id].peer)
        FABRIC_RETURN_IF_ERROR(program->download(id, [](const void *shard) {
          EXPECT_EQ(*static_cast<const double *>(shard), 0.0);
          return Status::success();
        }));
    return Status::success();
  });
  EXPECT_TRUE(failedWith(status, "rank 1 leaves"));
}

TEST(Executor, SeedsDrawTheSameParametersOnEveryMesh) {
  RunInputs inputs;
  inputs.seed = 7;
  inputs.inputs = {{{"x", waves<float>(DType::F32, {24, 6}, 0.1)}}};
  auto one = runLocal(makeLinearPlan(1, 1).plan, inputs);
  auto four = runLocal(makeLinearPlan(2, 2).plan, inputs);
  ASSERT_TRUE(succeeded(one));
  ASSERT_TRUE(succeeded(four));
  EXPECT_TRUE(sameBits(one->parameters.at("w"), four->parameters.at("w")));
  inputs.seed = 8;
  auto other = runLocal(makeLinearPlan(1, 1).plan, inputs);
  EXPECT_FALSE(sameBits(one->parameters.at("w"), other->parameters.at("w")));
}

// all_slice, all_to_all, copy, a constant and a kernel in one plan whose result
// is (x moved to another sharding) times a constant.
TEST(Executor, MovesAndConstants) {
  HandmadePlan made({{"dp", 2}, {"tp", 2}});
  DType f32 = DType::F32;
  made.code(TEST_KERNELS);
  auto x = made.input("x", f32, {4, 8}, {{{}, {}}});
  auto slice = made.buffer(f32, {2, 8}), moved = made.buffer(f32, {4, 4});
  auto again = made.buffer(f32, {4, 2}), copied = made.buffer(f32, {4, 2});
  auto scale = made.buffer(f32, {8}), y = made.buffer(f32, {4, 2});
  made.collective(Kind::AllSlice, {dp}, x, slice, {}, 0);
  made.collective(Kind::AllToAll, {dp}, slice, moved, 0, 1);
  made.collective(Kind::AllSlice, {tp}, moved, again, {}, 1);
  made.add(plan::Copy{again, copied});
  made.launch("mul8", {copied, scale, y}, {y});
  made.output("y", y, {4, 8}, {{{}, {dp, tp}}});
  std::vector<float> constant = {1, 2, 3, 4, 5, 6, 7, 8};
  made.plan.sections["constants"].resize(64 + 32);
  std::memcpy(made.plan.sections["constants"].data() + 64, constant.data(), 32);
  made.plan.constants.push_back({scale, 64});

  RunInputs inputs;
  inputs.inputs = {{{"x", waves<float>(f32, {4, 8}, 0.3)}}};
  auto run = runLocal(made.plan, inputs);
  ASSERT_TRUE(succeeded(run));
  const float *in = inputs.inputs[0].at("x").data<float>();
  const float *out = run->outputs[0].at("y").data<float>();
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 8; ++column)
      EXPECT_EQ(out[row * 8 + column],
                in[row * 8 + column] * constant[row * 2 + column % 2])
          << row << ", " << column;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

RunInputs linearInputs() {
  RunInputs inputs;
  inputs.inputs = {{{"x", waves<float>(DType::F32, {24, 6}, 0.1)}}};
  return inputs;
}

TEST(Executor, TensorsThatDoNotFit) {
  HandmadePlan made = makeLinearPlan(2, 2);
  RunInputs inputs = linearInputs();
  inputs.parameters["v"] = HostTensor::zeros(DType::F32, {1});
  EXPECT_TRUE(failedWith(runLocal(made.plan, inputs), "parameter 'v'"));
  inputs = linearInputs();
  inputs.parameters["w"] = HostTensor::zeros(DType::F64, {24, 6});
  EXPECT_TRUE(failedWith(
      runLocal(made.plan, inputs),
      "parameter 'w': expected [24, 6] of f32, found [24, 6] of f64"));
  inputs = linearInputs();
  inputs.inputs[0]["x"].shape = {6, 24};
  EXPECT_TRUE(failedWith(runLocal(made.plan, inputs), "input 'x': expected"));
  inputs.inputs[0].clear();
  EXPECT_TRUE(failedWith(runLocal(made.plan, inputs), "input 'x' is missing"));
  inputs.inputs.clear();
  EXPECT_TRUE(failedWith(runLocal(made.plan, inputs), "none are given"));
  inputs = linearInputs();
  inputs.scalars["lr"] = 1;
  EXPECT_TRUE(
      failedWith(runLocal(made.plan, inputs), "scalar 'lr': expected none"));
  made.plan.parameters[0].init.reset();
  EXPECT_TRUE(failedWith(runLocal(made.plan, linearInputs()),
                         "parameter 'w': the plan has no initialiser"));
}

TEST(Executor, PlansThatCannotBeBound) {
  HandmadePlan train = makeTrainPlan(TEST_KERNELS);
  RunInputs inputs;
  inputs.inputs = {{{"x", waves<double>(DType::F64, {8, 4}, 0.5)}}};
  std::get<plan::Launch>(train.plan.instructions[2].op).symbol = "cube_loss";
  EXPECT_TRUE(failedWith(
      runLocal(train.plan, inputs),
      "rank 0, instruction 2 (cube_loss) at model.mlir:3:1: section 'code' has "
      "no kernel 'cube_loss'"));

  // The verifier sees shapes, the executor overlaps.
  HandmadePlan overlap = makeLinearPlan(2, 2);
  overlap.plan.buffers[3].offset = overlap.plan.buffers[2].offset;
  EXPECT_TRUE(failedWith(runLocal(overlap.plan, linearInputs()),
                         "instruction 1 (gemm) at model.mlir:2:1: the result "
                         "overlaps an operand"));
  overlap = makeLinearPlan(2, 2);
  overlap.plan.buffers[2].offset = overlap.plan.buffers[1].offset;
  EXPECT_TRUE(failedWith(runLocal(overlap.plan, linearInputs()),
                         "(all_gather) at model.mlir:1:1: the output overlaps "
                         "the input"));

  HandmadePlan halves = makeLinearPlan(1, 1, DType::F16);
  inputs.inputs = {{{"x", HostTensor::zeros(DType::F16, {24, 6})}}};
  EXPECT_TRUE(failedWith(runLocal(halves.plan, inputs), "no product of f16"));

  HandmadePlan cuda = makeLinearPlan(1, 1);
  cuda.plan.target.kind = "cuda";
  EXPECT_TRUE(failedWith(runLocal(cuda.plan, linearInputs()), "cuda"));
  cuda.plan.target = {"cpu", "x86-64-v9", {"flux"}};
  EXPECT_TRUE(failedWith(runLocal(cuda.plan, linearInputs()), "lacks: flux"));
}

/// Fails on one rank at one place; the others know nothing of it.
class FailingHooks final : public RunHooks {
public:
  explicit FailingHooks(int place) : place(place) {}
  Status loadParameter(const plan::Parameter &parameter, int64_t rank,
                       void *shard) override {
    std::memset(shard, 0, 24 * 6 * 4 / 4);
    return at(0, rank, "rank 2 cannot read " + parameter.name);
  }
  Status readInput(const plan::Input &, int64_t step, const Box &box,
                   void *) override {
    bool first = box.offsets[0] == 0;
    return place == 1 && step == 1 && !first
               ? Status::error("no batch at step 1")
               : Status::success();
  }
  Status afterStep(const Program &program, const StepReport &report) override {
    return report.step == 2
               ? at(2, program.rank(), "rank 2 cannot write step 2")
               : Status::success();
  }
  Status atEnd(const Program &program, comm::Communicator &) override {
    return at(3, program.rank(), "rank 2 cannot save");
  }

private:
  Status at(int here, int64_t rank, const std::string &text) const {
    return place == here && rank == 2 ? Status::error(text) : Status::success();
  }
  int place;
};

TEST(Executor, ARankThatFailsAloneEndsTheRunWithItsMessage) {
  HandmadePlan made = makeLinearPlan(2, 2);
  auto device = device::createCpuDevice();
  RunOptions options;
  options.steps = 3;
  const char *messages[] = {"rank 2 cannot read w", "no batch at step 1",
                            "rank 2 cannot write step 2", "rank 2 cannot save"};
  for (int place = 0; place < 4; ++place) {
    FailingHooks hooks(place);
    Status status = runLocalRanks(4, {}, [&](comm::Communicator &communicator) {
      return runRank(made.plan, *device, nullptr, communicator, options, hooks);
    });
    ASSERT_TRUE(status.failed());
    EXPECT_EQ(status.message(), messages[place]);
  }
}

} // namespace
