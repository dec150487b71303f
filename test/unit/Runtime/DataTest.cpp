//===- DataTest.cpp - What --data means -----------------------------------===//

#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Checkpoint/Npy.h"
#include "runtime/Data/DataSource.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Float.h"

#include <numeric>

using namespace fabric;
using namespace fabric::data;
using namespace fabric::test;
using plan::DType;
using plan::Shape;

namespace {

class Data : public testing::Test {
protected:
  Data() {
    plan.mesh = {{{"dp", 2}, {"tp", 2}}};
    // x [4, 3], split over dp on its batch dim.
    plan.inputs.push_back({"x", DType::F32, {4, 3}, {{{{"dp"}}, {}}}, 0, 0});
  }

  void addInput(const std::string &name, DType dtype, Shape shape,
                std::optional<int64_t> batchDim) {
    plan::Sharding whole{std::vector<std::vector<plan::AxisRef>>(shape.size())};
    plan.inputs.push_back({name, dtype, std::move(shape), whole, 0, batchDim});
  }

  template <typename Element>
  std::string save(const std::string &name, DType dtype, const Shape &shape,
                   const std::vector<Element> &values) {
    auto writer =
        checkpoint::NpyWriter::create(folder.path(name), dtype, shape);
    EXPECT_TRUE(succeeded(writer));
    EXPECT_TRUE(
        succeeded(writer->writeShard(Box::whole(shape), values.data())));
    EXPECT_TRUE(succeeded(writer->commit()));
    return folder.path(name);
  }
  /// f32 0, 1, 2, ... of this shape.
  std::string saveCounting(const Shape &shape) {
    std::vector<float> values(Box::whole(shape).numElements());
    std::iota(values.begin(), values.end(), 0.0f);
    return save("x.npy", DType::F32, shape, values);
  }

  Expected<std::unique_ptr<DataSource>>
  open(const std::vector<std::string> &specs, uint64_t seed = 0) {
    return DataSource::open(specs, plan, seed);
  }
  /// All of an input at a step.
  template <typename Element = float>
  std::vector<Element> whole(const DataSource &source, const std::string &name,
                             int64_t step) {
    for (const plan::Input &input : plan.inputs)
      if (input.name == name) {
        std::vector<Element> values(Box::whole(input.shape).numElements());
        EXPECT_TRUE(succeeded(
            source.read(name, step, Box::whole(input.shape), values.data())));
        return values;
      }
    return {};
  }

  plan::Plan plan;
  TempFolder folder;
};

} // namespace

TEST_F(Data, ALeadingDimCountsTheSteps) {
  auto source = open({"x=" + saveCounting({3, 4, 3})});
  ASSERT_TRUE(succeeded(source));
  EXPECT_TRUE((*source)->notes().empty());
  for (int64_t step = 0; step < 7; ++step) {
    std::vector<float> values = whole(**source, "x", step);
    EXPECT_EQ(values[0], step % 3 * 12);
    EXPECT_EQ(values[11], step % 3 * 12 + 11);
  }
}

TEST_F(Data, SamplesAreCutIntoGlobalBatches) {
  auto source = open({"x=" + saveCounting({11, 3})});
  ASSERT_TRUE(succeeded(source));
  ASSERT_EQ((*source)->notes().size(), 1u);
  EXPECT_EQ((*source)->notes()[0],
            "input 'x': " + folder.path("x.npy") +
                ": the last 3 of 11 samples fill no global batch of 4 and are "
                "not used");
  for (int64_t step = 0; step < 5; ++step) {
    std::vector<float> values = whole(**source, "x", step);
    EXPECT_EQ(values[0], step % 2 * 12);
    EXPECT_EQ(values[11], step % 2 * 12 + 11);
  }
}

// The ranks of dp see disjoint halves, the ranks of tp the same, and together
// they are the global batch of one rank.
TEST_F(Data, EveryRankReadsItsOwnBox) {
  auto source = open({"x=" + saveCounting({8, 3})});
  ASSERT_TRUE(succeeded(source));
  std::vector<float> batch = whole(**source, "x", 1);
  for (int64_t rank = 0; rank < 4; ++rank) {
    Box box = plan::localBox(plan.mesh, plan.inputs[0].sharding, {4, 3}, rank);
    std::vector<float> shard(6);
    ASSERT_TRUE(succeeded((*source)->read("x", 1, box, shard.data())));
    EXPECT_TRUE(
        std::equal(shard.begin(), shard.end(), batch.begin() + rank / 2 * 6));
  }
}

TEST_F(Data, BatchDimNeedNotBeTheFirst) {
  plan.inputs.clear();
  addInput("x", DType::F32, {2, 3}, 1);
  auto source = open({"x=" + saveCounting({2, 6})});
  ASSERT_TRUE(succeeded(source));
  EXPECT_EQ(whole(**source, "x", 0), (std::vector<float>{0, 1, 2, 6, 7, 8}));
  EXPECT_EQ(whole(**source, "x", 1), (std::vector<float>{3, 4, 5, 9, 10, 11}));
  EXPECT_EQ(whole(**source, "x", 2), whole(**source, "x", 0));
}

TEST_F(Data, InputsWithoutBatchDimAndScalars) {
  plan.inputs.clear();
  addInput("scale", DType::F32, {}, std::nullopt);
  addInput("table", DType::F32, {2}, std::nullopt);
  std::string scale =
      save("scale.npy", DType::F32, {2}, std::vector<float>{7, 8});
  std::string table =
      save("table.npy", DType::F32, {2}, std::vector<float>{1, 2});
  auto source = open({"scale=" + scale, "table=" + table});
  ASSERT_TRUE(succeeded(source));
  EXPECT_EQ(whole(**source, "scale", 3), (std::vector<float>{8}));
  EXPECT_EQ(whole(**source, "table", 3), (std::vector<float>{1, 2}));
}

TEST_F(Data, IntegersOfAnyWidthAreCheckedAgainstTheInputs) {
  plan.inputs.clear();
  addInput("t", DType::I32, {2}, 0);
  std::string path =
      save("t.npy", DType::I64, {6},
           std::vector<int64_t>{-5, INT32_MAX, 3, int64_t(1) << 31, 1, 2});
  auto source = open({"t=" + path});
  ASSERT_TRUE(succeeded(source));
  EXPECT_EQ(whole<int32_t>(**source, "t", 0),
            (std::vector<int32_t>{-5, INT32_MAX}));
  EXPECT_EQ(whole<int32_t>(**source, "t", 2), (std::vector<int32_t>{1, 2}));
  int32_t values[2];
  EXPECT_TRUE(failedWith(
      (*source)->read("t", 1, Box::whole({2}), values),
      "input 't': " + path +
          ": element [3], expected -2147483648 to 2147483647 for i32, found "
          "2147483648"));
  // Only who reads the element fails.
  EXPECT_TRUE(succeeded((*source)->read("t", 1, {{0}, {1}}, values)));
  EXPECT_EQ(values[0], 3);

  plan.inputs.clear();
  addInput("t", DType::I64, {2}, 0);
  auto widened = open(
      {"t=" + save("i.npy", DType::I32, {2}, std::vector<int32_t>{-1, 2})});
  ASSERT_TRUE(succeeded(widened));
  EXPECT_EQ(whole<int64_t>(**widened, "t", 0), (std::vector<int64_t>{-1, 2}));
}

TEST_F(Data, BFloat16TakesRoundedFloats) {
  plan.inputs.clear();
  addInput("x", DType::BF16, {2}, 0);
  auto source = open({"x=" + save("x.npy", DType::F32, {2},
                                  std::vector<float>{1.00390625f, -2.0f})});
  ASSERT_TRUE(succeeded(source));
  std::vector<BFloat16> values = whole<BFloat16>(**source, "x", 0);
  EXPECT_EQ(values[0].bits, 0x3f80); // A tie: to even.
  EXPECT_EQ(values[1].bits, 0xc000);
}

TEST_F(Data, RandomDependsOnSeedNameStepAndIndexOnly) {
  addInput("y", DType::F32, {4, 3}, 0);
  auto source = open({"random"}, 5), again = open({"x=random", "random"}, 5),
       other = open({"random"}, 6);
  ASSERT_TRUE(succeeded(source));
  ASSERT_TRUE(succeeded(again));
  std::vector<float> values = whole(**source, "x", 2);
  EXPECT_EQ(values, whole(**again, "x", 2));
  EXPECT_NE(values, whole(**source, "x", 3));
  EXPECT_NE(values, whole(**source, "y", 2));
  EXPECT_NE(values, whole(**other, "x", 2));
  float shard[4];
  ASSERT_TRUE(succeeded((*source)->read("x", 2, {{2, 1}, {2, 2}}, shard)));
  EXPECT_EQ(std::vector<float>(shard, shard + 4),
            (std::vector<float>{values[7], values[8], values[10], values[11]}));
  double squares = 0;
  for (int64_t step = 0; step < 1000; ++step)
    for (float value : whole(**source, "x", step))
      squares += value * value;
  EXPECT_NEAR(squares / 12000, 1.0, 0.05);
}

TEST_F(Data, RandomRanges) {
  addInput("t", DType::I64, {100}, 0);
  addInput("b", DType::Bool, {100}, 0);
  auto source = open({"x=random:-1:-0.5", "t=random:0:10", "b=random:0:2"});
  ASSERT_TRUE(succeeded(source));
  for (float value : whole(**source, "x", 0)) {
    EXPECT_GE(value, -1.0f);
    EXPECT_LE(value, -0.5f);
  }
  std::vector<int64_t> tokens = whole<int64_t>(**source, "t", 0);
  EXPECT_EQ(*std::min_element(tokens.begin(), tokens.end()), 0);
  EXPECT_EQ(*std::max_element(tokens.begin(), tokens.end()), 9);
  std::vector<uint8_t> bits = whole<uint8_t>(**source, "b", 0);
  EXPECT_EQ(*std::max_element(bits.begin(), bits.end()), 1);
}

TEST_F(Data, SpecsThatMakeNoSense) {
  addInput("t", DType::I32, {4}, 0);
  EXPECT_TRUE(failedWith(open({}), "input 'x': expected --data=x=FILE.npy or "
                                   "--data=random, found neither"));
  EXPECT_TRUE(failedWith(open({"x=random"}), "input 't': expected --data=t="));
  EXPECT_TRUE(failedWith(open({"z=z.npy"}),
                         "--data=z=z.npy: input, expected one of 'x', 't', "
                         "found 'z'"));
  EXPECT_TRUE(
      failedWith(open({"x.npy"}), "--data=x.npy: expected NAME=FILE.npy"));
  EXPECT_TRUE(failedWith(open({"x="}), "expected a file or random after '='"));
  EXPECT_TRUE(failedWith(open({"x=random", "x=x.npy"}),
                         "expected input 'x' once, found it twice"));
  EXPECT_TRUE(failedWith(open({"random", "random"}),
                         "--data=random: expected random once"));
  EXPECT_TRUE(failedWith(open({"random"}),
                         "input 't': random, expected random:LOW:HIGH with "
                         "-2147483648 <= LOW < HIGH"));
  for (const char *range : {"0", "0:0", "5:4", "a:b", "0:1x", "0:1:2", "",
                            "0:2147483649", "-2147483649:0", "0.5:3"})
    EXPECT_TRUE(failedWith(open({"x=random", std::string("t=random:") + range}),
                           "found 'random:" + std::string(range) + "'"))
        << range;
  EXPECT_TRUE(failedWith(open({"x=random:1:0", "t=random:0:1"}),
                         "input 'x': random, expected random or random:LOW"));
  EXPECT_TRUE(failedWith(open({"x=random:0:inf", "t=random:0:1"}),
                         "found 'random:0:inf'"));
}

TEST_F(Data, ArraysThatDoNotFit) {
  EXPECT_TRUE(failedWith(open({"x=" + folder.path("no.npy")}),
                         "input 'x': " + folder.path("no.npy") +
                             ": cannot read: No such file"));
  for (Shape shape : {Shape{4}, Shape{4, 4}, Shape{2, 4, 4}, Shape{1, 1, 4, 3}})
    EXPECT_TRUE(failedWith(
        open({"x=" + saveCounting(shape)}),
        "x.npy: shape, expected [n, 4, 3] or samples along dim 0 of [4, 3], "
        "found " +
            toString(shape)));
  EXPECT_TRUE(failedWith(open({"x=" + saveCounting({3, 3})}),
                         "x.npy: samples along dim 0, expected at least one "
                         "global batch of 4, found 3"));
  EXPECT_TRUE(failedWith(open({"x=" + saveCounting({0, 4, 3})}),
                         "x.npy: array, expected at least one batch"));
  EXPECT_TRUE(failedWith(
      open({"x=" + save("d.npy", DType::F64, {4, 3}, std::vector<double>(12))}),
      "input 'x': " + folder.path("d.npy") +
          ": dtype, expected f32, found f64: save it with .astype('float32')"));
  EXPECT_TRUE(failedWith(open({"x=" + save("i.npy", DType::I32, {4, 3},
                                           std::vector<int32_t>(12))}),
                         "dtype, expected f32, found i32"));
  auto source = open({"x=" + saveCounting({4, 3})});
  ASSERT_TRUE(succeeded(source));
  float values[12];
  EXPECT_TRUE(failedWith((*source)->read("z", 0, {}, values),
                         "input 'z': the plan has none of this name"));
  EXPECT_TRUE(failedWith((*source)->read("x", 0, {{3, 0}, {2, 3}}, values),
                         "input 'x': "));
}
