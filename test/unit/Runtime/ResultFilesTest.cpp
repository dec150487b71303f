//===- ResultFilesTest.cpp - Results written by all ranks together --------===//

#include "HandmadePlan.h"
#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Checkpoint/Npy.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Executor/ResultFiles.h"
#include "runtime/Executor/Session.h"

#include <cstring>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;
using plan::DType;

namespace {

/// Data by element, results into a folder; fails on rank 1 where it is told to.
class WritingHooks final : public RunHooks {
public:
  explicit WritingHooks(std::string folder, bool fails = false)
      : folder(std::move(folder)), fails(fails) {}
  Status loadParameter(const plan::Parameter &parameter, int64_t rank,
                       void *shard) override {
    plan::Mesh mesh{{{"dp", 2}, {"tp", 2}}};
    return fill(parameter.shape,
                plan::localBox(mesh, parameter.sharding, parameter.shape, rank),
                shard);
  }
  Status readInput(const plan::Input &input, int64_t, const Box &box,
                   void *shard) override {
    return fill(input.shape, box, shard);
  }
  Status atEnd(const Program &program,
               comm::Communicator &communicator) override {
    if (fails && program.rank() == 1)
      return Status::error("rank 1 is gone");
    FABRIC_RETURN_IF_ERROR(writeOutputs(program, communicator, folder));
    return writeParameters(program, communicator, folder + "/w.safetensors");
  }

private:
  static Status fill(const plan::Shape &shape, const Box &box, void *shard) {
    for (BoxRuns runs(shape, box); !runs.done(); runs.next())
      for (int64_t i = 0; i < runs.length(); ++i)
        static_cast<float *>(shard)[runs.local() + i] =
            static_cast<float>((runs.global() + i) % 5 - 2);
    return Status::success();
  }
  std::string folder;
  bool fails;
};

Status runLinear(RunHooks &hooks) {
  HandmadePlan made = makeLinearPlan(2, 2);
  auto device = device::createCpuDevice();
  return runLocalRanks(4, {}, [&](comm::Communicator &communicator) {
    return runRank(made.plan, *device, nullptr, communicator, {}, hooks);
  });
}

TEST(ResultFiles, OutputsAndParametersAreWhole) {
  TempFolder temp;
  WritingHooks hooks(temp.path("."));
  ASSERT_TRUE(succeeded(runLinear(hooks)));
  EXPECT_EQ(temp.numFiles(), 2u) << "the files, and nothing beside them";

  auto y = checkpoint::NpyReader::open(temp.path("y.npy"));
  ASSERT_TRUE(succeeded(y));
  ASSERT_EQ(y->shape(), (plan::Shape{24, 24}));
  std::vector<float> values(24 * 24);
  ASSERT_TRUE(succeeded(y->readShard(Box::whole({24, 24}), values.data())));
  auto element = [](int64_t i) { return static_cast<float>(i % 5 - 2); };
  for (int64_t row = 0; row < 24; ++row)
    for (int64_t column = 0; column < 24; ++column) {
      float expected = 0;
      for (int64_t k = 0; k < 6; ++k)
        expected += element(row * 6 + k) * element(column * 6 + k);
      ASSERT_EQ(values[row * 24 + column], expected);
    }

  auto w = checkpoint::SafetensorsReader::open(temp.path("w.safetensors"));
  ASSERT_TRUE(succeeded(w));
  values.resize(24 * 6);
  ASSERT_TRUE(succeeded(w->readShard("w", DType::F32, {24, 6},
                                     Box::whole({24, 6}), values.data())));
  for (int64_t i = 0; i < 24 * 6; ++i)
    EXPECT_EQ(values[i], element(i));
}

TEST(ResultFiles, FailuresLeaveNothing) {
  TempFolder temp;
  WritingHooks gone(temp.path("."), true);
  EXPECT_TRUE(failedWith(runLinear(gone), "rank 1 is gone"));
  EXPECT_EQ(temp.numFiles(), 0u);
  WritingHooks nowhere(temp.path("nowhere"));
  EXPECT_TRUE(failedWith(runLinear(nowhere), "nowhere/y.npy: cannot write"));
  EXPECT_EQ(temp.numFiles(), 0u);
}

TEST(ResultFiles, FoldersArePreparedBeforeTheRun) {
  TempFolder temp;
  HandmadePlan made = makeLinearPlan(2, 2);
  {
    auto folder = ResultFolder::prepare(temp.path("new"), made.plan);
    ASSERT_TRUE(succeeded(folder));
    EXPECT_EQ(temp.numFiles(), 1u);
  }
  EXPECT_EQ(temp.numFiles(), 0u) << "an empty new folder is removed";
  {
    auto folder = ResultFolder::prepare(temp.path("new"), made.plan);
    ASSERT_TRUE(succeeded(folder));
    temp.write("new/y.npy", "result");
  }
  EXPECT_EQ(temp.read("new/y.npy"), "result");
  EXPECT_TRUE(succeeded(ResultFolder::prepare(temp.path("new"), made.plan)));
  EXPECT_EQ(temp.read("new/y.npy"), "result") << "looking changes nothing";

  EXPECT_TRUE(failedWith(ResultFolder::prepare(temp.path("a/b"), made.plan),
                         "a/b: cannot make this folder"));
  temp.write("file", "");
  EXPECT_TRUE(failedWith(ResultFolder::prepare(temp.path("file"), made.plan),
                         "expected a folder, found a file"));
  made.plan.outputs[0].name = "../y";
  EXPECT_TRUE(failedWith(ResultFolder::prepare(temp.path("new"), made.plan),
                         "output '../y': its name cannot be"));
}

} // namespace
