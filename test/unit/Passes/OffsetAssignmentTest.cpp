//===- OffsetAssignmentTest.cpp - Where buffers lie in an arena -----------===//

#include "passes/Lowering/OffsetAssignment.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// No two that meet in time overlap, all are aligned and inside.
void expectValid(ArrayRef<Demand> demands, const OffsetAssignment &assignment) {
  auto end = [&](size_t i) { return assignment.offsets[i] + demands[i].bytes; };
  for (size_t i = 0; i < demands.size(); ++i) {
    EXPECT_EQ(assignment.offsets[i] % slotAlignment, 0);
    EXPECT_GE(assignment.offsets[i], 0);
    EXPECT_LE(end(i), assignment.bytes);
    for (size_t j = 0; j < i; ++j) {
      bool meet = demands[i].begin <= demands[j].end &&
                  demands[j].begin <= demands[i].end;
      bool overlap =
          assignment.offsets[i] < end(j) && assignment.offsets[j] < end(i);
      EXPECT_FALSE(meet && overlap) << i << " and " << j;
    }
  }
}

TEST(OffsetAssignment, Empty) {
  EXPECT_EQ(assignOffsets({}).bytes, 0);
  EXPECT_EQ(getMaxLiveBytes({}), 0);
}

TEST(OffsetAssignment, SizesAreRoundedUp) {
  SmallVector<Demand> demands = {{0, 1, 1}, {1, 2, 65}};
  OffsetAssignment assignment = assignOffsets(demands);
  expectValid(demands, assignment);
  EXPECT_EQ(assignment.bytes, 64 + 128);
  EXPECT_EQ(getMaxLiveBytes(demands), 64 + 128);
}

TEST(OffsetAssignment, MeetingAtOneInstructionIsMeeting) {
  SmallVector<Demand> meet = {{0, 1, 64}, {1, 2, 64}};
  EXPECT_EQ(assignOffsets(meet).bytes, 128);
  SmallVector<Demand> apart = {{0, 1, 64}, {2, 3, 64}};
  EXPECT_EQ(assignOffsets(apart).bytes, 64);
}

TEST(OffsetAssignment, TheTightestGapIsTaken) {
  // Two gaps open at time 2, of 128 and of 64 bytes; 64 bytes go to the small
  // one, so that 128 still fit.
  SmallVector<Demand> demands = {{0, 1, 128}, {0, 9, 256}, {0, 1, 64},
                                 {0, 9, 320}, {2, 9, 64},  {2, 9, 128}};
  OffsetAssignment assignment = assignOffsets(demands);
  expectValid(demands, assignment);
  EXPECT_EQ(assignment.bytes, getMaxLiveBytes(demands));
}

// Activations that wait for the backward pass, and a weight that is gathered
// for each layer on the way and again on the way back.
TEST(OffsetAssignment, ATrainedChainMeetsTheBound) {
  SmallVector<Demand> demands;
  const int64_t layers = 20000;
  for (int64_t i = 0; i < layers; ++i) {
    int64_t back = 4 * layers - 2 * i;
    demands.push_back({2 * i, 2 * i + 1, 4096});
    demands.push_back({2 * i + 1, back, 256});
    demands.push_back({back, back + 1, 4096});
  }
  OffsetAssignment assignment = assignOffsets(demands);
  EXPECT_EQ(assignment.bytes, getMaxLiveBytes(demands));
}

TEST(OffsetAssignment, RandomProgramsStayNearTheBound) {
  std::mt19937 random(17);
  auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int program = 0; program < 200; ++program) {
    SmallVector<Demand> demands;
    for (int64_t i = 0, count = draw(1, 60); i < count; ++i) {
      int64_t begin = draw(0, 60);
      demands.push_back({begin, begin + draw(0, 8), draw(0, 4096)});
    }
    OffsetAssignment assignment = assignOffsets(demands);
    expectValid(demands, assignment);
    EXPECT_GE(assignment.bytes, getMaxLiveBytes(demands));
    EXPECT_LE(assignment.bytes, 1.6 * getMaxLiveBytes(demands));
  }
}

} // namespace
