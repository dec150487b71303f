//===- LentInputsTest.cpp - Which inputs of collectives peers may keep ----===//

#include "runtime/Plan/LentInputs.h"

#include <gtest/gtest.h>

using namespace fabric::plan;

namespace {

/// Four buffers of 64 bytes; the fifth is the upper half of 2 and the lower of
/// 3.
Plan planOf(std::vector<Instruction> instructions) {
  Plan plan;
  plan.mesh.axes = {{"dp", 2}, {"tp", 2}};
  plan.arenas = {{"workspace", 256, 64}};
  for (int64_t offset : {0, 64, 128, 192, 160}) {
    Buffer buffer;
    buffer.offset = offset;
    buffer.shape = {16};
    plan.buffers.push_back(buffer);
  }
  plan.instructions = std::move(instructions);
  return plan;
}

Instruction gather(std::string axis, BufferId input, BufferId output) {
  Collective op;
  op.kind = Collective::Kind::AllGather;
  op.axes = {AxisRef{std::move(axis)}};
  op.input = input;
  op.output = output;
  op.concatDim = 0;
  return {op, ""};
}
Instruction barrier(std::vector<AxisRef> axes) {
  return {Barrier{std::move(axes)}, ""};
}
Instruction copy(BufferId input, BufferId output) {
  return {Copy{input, output}, ""};
}

using Lent = std::vector<bool>;

TEST(LentInputs, UntilTheRanksMeetAgain) {
  EXPECT_EQ(findLentInputs(
                planOf({gather("dp", 0, 1), copy(1, 2), gather("dp", 0, 3)})),
            (Lent{true, false, false}));
  EXPECT_EQ(findLentInputs(planOf({gather("dp", 0, 1), barrier({{"dp"}})})),
            (Lent{true, false}));
}

TEST(LentInputs, NotPastTheEndOfAStep) {
  EXPECT_EQ(findLentInputs(planOf({gather("dp", 0, 1), copy(1, 2)})),
            (Lent{false, false}));
}

TEST(LentInputs, NotIfItIsWrittenBefore) {
  EXPECT_EQ(findLentInputs(
                planOf({gather("dp", 0, 1), copy(1, 0), barrier({{"dp"}})})),
            (Lent{false, false, false}));
  // After is as good as never, and a part is as bad as all.
  EXPECT_EQ(findLentInputs(
                planOf({gather("dp", 0, 1), barrier({{"dp"}}), copy(1, 0)})),
            (Lent{true, false, false}));
  EXPECT_EQ(findLentInputs(
                planOf({gather("dp", 2, 1), copy(1, 4), barrier({{"dp"}})})),
            (Lent{false, false, false}));
  // The meeting itself begins before anything is written.
  EXPECT_EQ(findLentInputs(planOf({gather("dp", 0, 1), gather("dp", 1, 0)})),
            (Lent{true, false}));
}

TEST(LentInputs, OnlyAMeetingOfAllOfTheGroupCounts) {
  EXPECT_EQ(findLentInputs(planOf({gather("dp", 0, 1), barrier({{"tp"}})})),
            (Lent{false, false}));
  EXPECT_EQ(
      findLentInputs(planOf({gather("dp", 0, 1), barrier({{"dp"}, {"tp"}})})),
      (Lent{true, false}));
}

} // namespace
