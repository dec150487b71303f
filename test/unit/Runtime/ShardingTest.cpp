//===- ShardingTest.cpp - Where a rank's shard is, whom it talks to -------===//

#include "StatusMatchers.h"

#include "runtime/Plan/Initialize.h"
#include "runtime/Plan/Padding.h"
#include "runtime/Plan/Sharding.h"

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;

static const Mesh twoByTwo{{{"dp", 2}, {"tp", 2}}};
static const Mesh threeAxes{{{"pp", 2}, {"dp", 3}, {"tp", 2}}};
static const AxisRef dp{"dp"}, tp{"tp"}, pp{"pp"};

TEST(Sharding, PictureInTheHeader) {
  Sharding sharding{{{tp, dp}, {}}};
  EXPECT_EQ(localShape(twoByTwo, sharding, {8, 6}), (Shape{2, 6}));
  EXPECT_EQ(localBox(twoByTwo, sharding, {8, 6}, 0), (Box{{0, 0}, {2, 6}}));
  EXPECT_EQ(localBox(twoByTwo, sharding, {8, 6}, 1), (Box{{4, 0}, {2, 6}}));
  EXPECT_EQ(localBox(twoByTwo, sharding, {8, 6}, 2), (Box{{2, 0}, {2, 6}}));
  EXPECT_EQ(localBox(twoByTwo, sharding, {8, 6}, 3), (Box{{6, 0}, {2, 6}}));
}

TEST(Sharding, MinorAxisVariesFastestWithinADim) {
  Sharding sharding{{{dp, tp}}};
  for (int64_t rank = 0; rank < 4; ++rank)
    EXPECT_EQ(localBox(twoByTwo, sharding, {8}, rank), (Box{{2 * rank}, {2}}));
}

TEST(Sharding, GroupsOfTwoByTwo) {
  EXPECT_EQ(groupOf(twoByTwo, {tp}, 2).ranks, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(groupOf(twoByTwo, {dp}, 2).ranks, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(groupOf(twoByTwo, {dp}, 2).index, 1);
  // Major first: {tp, dp} counts dp fastest.
  Group group = groupOf(twoByTwo, {tp, dp}, 1);
  EXPECT_EQ(group.ranks, (std::vector<int64_t>{0, 2, 1, 3}));
  EXPECT_EQ(group.index, 2);
  EXPECT_EQ(groupOf(twoByTwo, {}, 3).ranks, (std::vector<int64_t>{3}));
  EXPECT_EQ(groupOf(twoByTwo, {}, 3).index, 0);
}

TEST(Sharding, ThreeAxes) {
  // rank = (pp * 3 + dp) * 2 + tp.
  EXPECT_EQ(axesIndex(threeAxes, {dp}, 9), 1);
  EXPECT_EQ(axesIndex(threeAxes, {pp}, 9), 1);
  EXPECT_EQ(axesIndex(threeAxes, {tp}, 9), 1);
  Group group = groupOf(threeAxes, {dp}, 9);
  EXPECT_EQ(group.ranks, (std::vector<int64_t>{7, 9, 11}));
  EXPECT_EQ(group.index, 1);
  EXPECT_EQ(groupOf(threeAxes, {pp, tp}, 9).ranks,
            (std::vector<int64_t>{2, 3, 8, 9}));
  Sharding sharding{{{tp, pp}, {}, {dp}}};
  EXPECT_EQ(localShape(threeAxes, sharding, {8, 5, 9}), (Shape{2, 5, 3}));
  EXPECT_EQ(localBox(threeAxes, sharding, {8, 5, 9}, 9),
            (Box{{6, 0, 3}, {2, 5, 3}}));
}

TEST(Sharding, SubAxes) {
  // "x" of 12 as 2 x 3 x 2: rank = (a * 3 + b) * 2 + c.
  Mesh mesh{{{"x", 12}}};
  AxisRef a{"x", 1, 2}, b{"x", 2, 3}, c{"x", 6, 2};
  for (int64_t rank = 0; rank < 12; ++rank) {
    EXPECT_EQ(axesIndex(mesh, {a}, rank), rank / 6);
    EXPECT_EQ(axesIndex(mesh, {b}, rank), rank / 2 % 3);
    EXPECT_EQ(axesIndex(mesh, {c}, rank), rank % 2);
    EXPECT_EQ(axesIndex(mesh, {a, b, c}, rank), rank);
  }
  EXPECT_EQ(groupOf(mesh, {b}, 7).ranks, (std::vector<int64_t>{7, 9, 11}));
  EXPECT_EQ(groupOf(mesh, {c, a}, 9).ranks, (std::vector<int64_t>{2, 8, 3, 9}));
  EXPECT_EQ(groupOf(mesh, {c, a}, 9).index, 3);
  EXPECT_EQ(localBox(mesh, {{{b}, {c}}}, {6, 4}, 9), (Box{{2, 2}, {2, 2}}));
  EXPECT_TRUE(succeeded(checkAxes(mesh, {c, a, b})));
}

// For every sharding: the boxes of the first holders tile the tensor, each
// element once, and every box has exactly one first holder.
TEST(Sharding, FirstHoldersTileTheTensor) {
  Mesh mesh{{{"a", 4}, {"b", 3}, {"c", 2}}};
  AxisRef a{"a"}, b{"b"}, c{"c"}, major{"a", 1, 2}, minor{"a", 2, 2};
  Shape shape = {24, 12};
  std::vector<Sharding> shardings = {{{{}, {}}},
                                     {{{a}, {b}}},
                                     {{{c, a}, {}}},
                                     {{{b}, {minor}}},
                                     {{{minor, c}, {major}}},
                                     {{{major}, {}}},
                                     {{{c, b, a}, {}}}};
  for (const Sharding &sharding : shardings) {
    ASSERT_TRUE(succeeded(checkSharding(mesh, sharding, shape)));
    std::vector<int> writes(24 * 12);
    for (int64_t rank = 0; rank < mesh.numRanks(); ++rank) {
      Box box = localBox(mesh, sharding, shape, rank);
      int64_t first = 0;
      while (localBox(mesh, sharding, shape, first) != box)
        ++first;
      EXPECT_EQ(isFirstHolder(mesh, sharding, rank), first == rank)
          << toString(sharding) << " rank " << rank;
      if (!isFirstHolder(mesh, sharding, rank))
        continue;
      for (BoxRuns runs(shape, box); !runs.done(); runs.next())
        for (int64_t i = 0; i < runs.length(); ++i)
          ++writes[runs.global() + i];
    }
    EXPECT_EQ(writes, std::vector<int>(24 * 12, 1)) << toString(sharding);
  }
}

TEST(Sharding, ChecksMeshes) {
  EXPECT_TRUE(succeeded(checkMesh(twoByTwo)));
  EXPECT_TRUE(failedWith(checkMesh({}), "at least one axis"));
  EXPECT_TRUE(failedWith(checkMesh({{{"", 2}}}), "named axes"));
  EXPECT_TRUE(failedWith(checkMesh({{{"a", 2}, {"a", 2}}}),
                         "distinct axes, found \"a\" twice"));
  EXPECT_TRUE(failedWith(checkMesh({{{"a", 0}}}), "at least 1, found 0"));
  EXPECT_TRUE(failedWith(checkMesh({{{"a", INT64_MAX}, {"b", 3}}}),
                         "at most 1048576 ranks"));
}

TEST(Sharding, ChecksAxes) {
  Mesh mesh{{{"x", 12}}};
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"y"}}),
                         R"(axis, expected one of mesh ["x"=12], found "y")"));
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x", 1, 5}}),
                         R"(of size 12, found "x":(1)5)"));
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x", 5, 0}}), "divides axis"));
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x", -1, -12}}), "divides axis"));
  EXPECT_TRUE(
      failedWith(checkAxes(mesh, {{"x", INT64_MAX, 2}}), "divides axis"));
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x"}, {"x"}}),
                         "every part of an axis once"));
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x", 1, 4}, {"x", 2, 6}}),
                         "every part of an axis once"));
  EXPECT_TRUE(failedWith(checkAxes({{{"one", 1}}}, {{"one"}, {"one"}}),
                         "every part of an axis once"));
  // Neither digits of one radix system.
  EXPECT_TRUE(failedWith(checkAxes(mesh, {{"x", 1, 2}, {"x", 3, 2}}),
                         "every part of an axis once"));
}

TEST(Sharding, ChecksShardings) {
  EXPECT_TRUE(failedWith(checkSharding(twoByTwo, {{{tp}}}, {4, 4}),
                         "sharding, expected 2 dims as in shape [4, 4]"));
  EXPECT_TRUE(failedWith(
      checkSharding(twoByTwo, {{{}, {tp, dp}}}, {4, 6}),
      R"(dim 1 of shape [4, 6] to be divisible by 4, the size of {"tp", "dp"})"
      ", found 6"));
  EXPECT_TRUE(failedWith(checkSharding(twoByTwo, {{{tp}, {tp}}}, {4, 4}),
                         "every part of an axis once"));
}

TEST(Initialize, EveryMeshDrawsTheSameTensor) {
  Parameter parameter;
  parameter.name = "w1";
  parameter.shape = parameter.storedShape = {8, 6};
  parameter.sharding = {{{tp, dp}, {}}};
  parameter.init = Initializer{Initializer::Kind::Uniform, -1.0, 1.0};
  std::vector<float> whole(48);
  Mesh one{{{"dp", 1}, {"tp", 1}}};
  ASSERT_TRUE(
      succeeded(initializeParameter(parameter, one, 0, 42, whole.data())));
  for (int64_t rank = 0; rank < 4; ++rank) {
    std::vector<float> shard(12);
    ASSERT_TRUE(succeeded(
        initializeParameter(parameter, twoByTwo, rank, 42, shard.data())));
    Box box = localBox(twoByTwo, parameter.sharding, {8, 6}, rank);
    EXPECT_TRUE(std::equal(shard.begin(), shard.end(),
                           whole.begin() + box.offsets[0] * 6));
  }
}

// 5 x 6 padded to 8 x 6 over four: the third rank in order holds one row and
// one of zeros, the last nothing but zeros. True elements are what they are
// without a mesh.
TEST(Initialize, PaddingIsZeroAndDrawsNothing) {
  Parameter parameter;
  parameter.name = "w1";
  parameter.shape = parameter.storedShape = {5, 6};
  parameter.sharding = {{{dp, tp}, {}}};
  parameter.init = Initializer{Initializer::Kind::Uniform, 1.0, 2.0};
  std::vector<float> whole(30), padded(48);
  Mesh one{{{"dp", 1}, {"tp", 1}}};
  ASSERT_TRUE(
      succeeded(initializeParameter(parameter, one, 0, 42, whole.data())));
  std::copy(whole.begin(), whole.end(), padded.begin());
  parameter.paddedShape = {8, 6};
  for (int64_t rank = 0; rank < 4; ++rank) {
    std::vector<float> shard(12, -1.0f);
    ASSERT_TRUE(succeeded(
        initializeParameter(parameter, twoByTwo, rank, 42, shard.data())));
    EXPECT_TRUE(
        std::equal(shard.begin(), shard.end(), padded.begin() + rank * 12));
  }
}

TEST(PaddedShard, DrainsTrueElementsOnly) {
  // Columns 0:2, 2:4 and 4:5 of a row of five.
  Mesh three{{{"tp", 3}}};
  std::vector<float> shard = {1, 2, 3, 4};
  auto drained = [&](int64_t rank) {
    PaddedShard part(three, {{{}, {tp}}}, {2, 5}, Shape{2, 6}, rank);
    std::pair<Box, std::vector<float>> result;
    EXPECT_TRUE(succeeded(part.drain(
        DType::F32, shard.data(), [&](const Box &box, const void *elements) {
          auto *floats = static_cast<const float *>(elements);
          result = {box, {floats, floats + box.numElements()}};
          return Status::success();
        })));
    return result;
  };
  EXPECT_EQ(drained(1), std::pair(Box{{0, 2}, {2, 2}}, shard));
  EXPECT_EQ(drained(2),
            std::pair(Box{{0, 4}, {2, 1}}, std::vector<float>{1, 3}));
}

TEST(Initialize, ConstantsOfAllDTypesAndErrors) {
  Initializer three{Initializer::Kind::Constant, 3.0, 0.0};
  int8_t i8[2];
  int64_t i64[2];
  EXPECT_TRUE(succeeded(
      initializeShard(three, 0, "b", DType::I8, {2}, Box::whole({2}), i8)));
  EXPECT_TRUE(succeeded(
      initializeShard(three, 0, "b", DType::I64, {2}, Box::whole({2}), i64)));
  EXPECT_EQ(i8[1], 3);
  EXPECT_EQ(i64[1], 3);
  auto failing = [&](Initializer init, DType dtype) {
    return initializeShard(init, 0, "b", dtype, {2}, Box::whole({2}), i64);
  };
  EXPECT_TRUE(failedWith(failing({Initializer::Kind::Normal, 0, 1}, DType::I32),
                         "tensor 'b': initialiser of an integer tensor"));
  EXPECT_TRUE(
      failedWith(failing({Initializer::Kind::Constant, 128, 0}, DType::I8),
                 "expected a 8-bit integer, found 128"));
  EXPECT_TRUE(failedWith(
      failing({Initializer::Kind::Constant, 0.5, 0}, DType::I64), "found 0.5"));
  EXPECT_TRUE(
      failedWith(failing({Initializer::Kind::Constant, 2, 0}, DType::Bool),
                 "expected constant 0 or 1"));
  Parameter parameter;
  parameter.name = "w1";
  EXPECT_TRUE(failedWith(initializeParameter(parameter, twoByTwo, 0, 0, i64),
                         "parameter 'w1': the plan has no initialiser"));
}
