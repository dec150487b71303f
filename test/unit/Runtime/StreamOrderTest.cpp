//===- StreamOrderTest.cpp - Every rule of streams, broken once -----------===//

#include "ChangedPlan.h"
#include "StreamPlans.h"

#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanReader.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/PlanWriter.h"

#include <functional>

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;

static Status verifyChanged(const std::function<void(Plan &)> &change) {
  Plan plan = OverlappedPlan().plan;
  change(plan);
  return verifyPlan(plan);
}

/// The next instruction of the same stream; the plan's size where there is
/// none.
static size_t nextInStream(const Plan &plan, size_t index) {
  size_t next = index + 1;
  while (next < plan.instructions.size() &&
         plan.instructions[next].stream != plan.instructions[index].stream)
    ++next;
  return next;
}

TEST(StreamOrder, RoundTrip) {
  Plan plan = OverlappedPlan().plan;
  auto bytes = writePlan(plan);
  ASSERT_TRUE(succeeded(bytes));
  auto read = readPlan(*bytes, "p.bin");
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(*writePlan(*read), *bytes);
  EXPECT_EQ(read->streams, plan.streams);
  ASSERT_EQ(read->instructions.size(), plan.instructions.size());
  for (size_t i = 0; i < plan.instructions.size(); ++i) {
    EXPECT_EQ(read->instructions[i].stream, plan.instructions[i].stream);
    EXPECT_EQ(read->instructions[i].op.index(),
              plan.instructions[i].op.index());
  }
  EXPECT_EQ(opOf<Wait>(*read, 4).event, 0);
  std::string text = describePlan(plan);
  for (const char *part :
       {"\n0: [dp] all_gather", "\n1: [dp] record event 0",
        "\n4: [compute] wait for event 0", "\n5: [compute] gemm"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

// A plan of one stream says nothing of streams.
TEST(StreamOrder, OneStreamIsNoStream) {
  auto bytes = writePlan(makeLinearPlan(2, 2).plan);
  ASSERT_TRUE(succeeded(bytes));
  std::string text(reinterpret_cast<const char *>(bytes->data()),
                   bytes->size());
  EXPECT_EQ(text.find("stream"), std::string::npos);
}

TEST(StreamOrder, Names) {
  EXPECT_ACCEPTED((void)p);
  EXPECT_REFUSED(p.streams = {"compute"},
                 "streams, expected none or 2 to 8, found 1");
  EXPECT_REFUSED(p.streams.resize(9), "streams, expected none or 2 to 8");
  EXPECT_REFUSED(p.streams[1] = "", "streams, expected distinct names, found "
                                    "''");
  EXPECT_REFUSED(p.streams[1] = "compute", "found 'compute' twice");
  EXPECT_REFUSED(p.streams.clear(),
                 "instruction 0: stream, expected less than 1, found 1");
  EXPECT_REFUSED(p.instructions[0].stream = -1,
                 "instruction 0: stream, expected less than 3, found -1");
}

TEST(StreamOrder, WhatRunsWhere) {
  EXPECT_REFUSED(p.instructions[5].stream = 2,
                 "instruction 5: expected it in stream 'compute', which "
                 "computes, found it in 'dp,tp'");
  EXPECT_REFUSED(p.instructions.push_back({Barrier{{dp}}, ""}),
                 "expected no barrier in a plan with streams");
  EXPECT_REFUSED(p.needs.sharedMemory = true; p.buffers.push_back(p.buffers[0]);
                 p.buffers.back().peer = (PeerView{{dp}, 0, false}),
                 "peer, expected none in a plan with streams, found one");
}

TEST(StreamOrder, AGroupHasOneStream) {
  for (size_t i = 0; i < OverlappedPlan().plan.instructions.size(); ++i) {
    Plan plan = OverlappedPlan().plan;
    auto *collective = std::get_if<Collective>(&plan.instructions[i].op);
    if (!collective || collective->axes.size() == 2)
      continue;
    plan.instructions[i].stream = 2;
    EXPECT_TRUE(failedWith(verifyPlan(plan), "as what comes before it over"))
        << i;
  }
  // However its axes are spelt; a group of one rank is not asked.
  EXPECT_REFUSED(opOf<Collective>(p, 2).axes =
                     (std::vector<AxisRef>{{"dp", 1, 2}});
                 p.instructions[2].stream = 2,
                 "instruction 2: expected it in stream 'dp', as what comes "
                 "before it over {\"dp\":(1)2}, found it in 'dp,tp'");
}

TEST(StreamOrder, Events) {
  EXPECT_REFUSED(opOf<Record>(p, 1).event = 1,
                 "instruction 1: event, expected the next one, 0, found 1");
  EXPECT_REFUSED(opOf<Wait>(p, 4).event = 2,
                 "instruction 4: event, expected one that is recorded before, "
                 "less than 2, found 2");
  EXPECT_REFUSED(opOf<Wait>(p, 4).event = -1, "found -1");
  EXPECT_REFUSED(p.instructions[4].stream = 1,
                 "instruction 4: event, expected one of another stream");
  for (size_t i = 0; i < OverlappedPlan().plan.instructions.size(); ++i)
    if (Plan plan = OverlappedPlan().plan;
        std::holds_alternative<Record>(plan.instructions[i].op))
      EXPECT_TRUE(verifyPlan(without(plan, i)).failed()) << i;
}

// Each wait keeps two instructions in order that nothing else does.
TEST(StreamOrder, EveryWaitIsNeeded) {
  Plan plan = OverlappedPlan().plan;
  std::vector<size_t> waits = findWaits(plan);
  EXPECT_EQ(waits.size(), 11u);
  for (size_t wait : waits)
    EXPECT_TRUE(failedWith(verifyPlan(without(plan, wait)),
                           ", expected a wait between what it "))
        << wait;
  EXPECT_TRUE(failedWith(verifyPlan(without(plan, 4)),
                         "instruction 4 (gemm, stream 'compute'): buffer 10, "
                         "expected a wait between what it reads and what "
                         "instruction 0 (all_gather, stream 'dp') writes, "
                         "found none"));
}

// A wait one later in its stream, or a record one earlier, is a race.
TEST(StreamOrder, EventsStandWhereTheyMust) {
  Plan plan = OverlappedPlan().plan;
  for (size_t i = 0; i < plan.instructions.size(); ++i) {
    size_t next = nextInStream(plan, i);
    if (next == plan.instructions.size())
      continue;
    bool isWait = std::holds_alternative<Wait>(plan.instructions[i].op);
    bool isRecord = std::holds_alternative<Record>(plan.instructions[next].op);
    if (!isWait && !isRecord)
      continue;
    Plan changed = plan;
    std::swap(changed.instructions[i], changed.instructions[next]);
    EXPECT_TRUE(failedWith(verifyPlan(changed), "expected ")) << i;
  }
}

// Instructions of two streams that stand side by side have no order.
TEST(StreamOrder, TheOrderOfThePlanIsNotTheStreams) {
  Plan plan = OverlappedPlan().plan;
  for (size_t i = 0; i + 1 < plan.instructions.size(); ++i) {
    if (plan.instructions[i].stream == plan.instructions[i + 1].stream ||
        std::holds_alternative<Record>(plan.instructions[i].op))
      continue;
    Plan changed = plan;
    std::swap(changed.instructions[i], changed.instructions[i + 1]);
    EXPECT_TRUE(succeeded(verifyPlan(changed))) << i;
  }
}

// What counts is bytes: a window that only touches another's last element.
TEST(StreamOrder, WindowsThatOverlap) {
  OverlappedPlan made;
  // gz is computed while u's gradient is scattered.
  Buffer &gz = made.plan.buffers[made.gz];
  gz.offset = made.plan.buffers[made.gradient].offset - 15 * 8;
  EXPECT_TRUE(failedWith(verifyPlan(made.plan),
                         "expected a wait between what it writes and what"));
  gz.offset -= 8;
  EXPECT_TRUE(succeeded(verifyPlan(made.plan)));
}

TEST(StreamOrder, OrderGoesOverThirdStreams) {
  // dp writes, tp waits for it, compute waits for tp.
  HandmadePlan made({{"dp", 2}, {"tp", 2}});
  auto x = made.input("x", DType::F32, {4}, {{{}}});
  auto half = made.buffer(DType::F32, {2}), y = made.buffer(DType::F32, {2});
  made.plan.streams = {"compute", "dp", "tp"};
  made.collective(Kind::ReduceScatter, {dp}, x, half, {}, 0);
  made.add(Record{0});
  made.add(Wait{0});
  made.collective(Kind::AllReduce, {tp}, half, half, {}, {});
  made.add(Record{1});
  made.add(Wait{1});
  made.add(Copy{half, y});
  for (size_t i : {0, 1})
    made.plan.instructions[i].stream = 1;
  for (size_t i : {2, 3, 4})
    made.plan.instructions[i].stream = 2;
  EXPECT_TRUE(succeeded(verifyPlan(made.plan)));
  // The last wait, but for an event from before the all-reduce.
  std::swap(made.plan.instructions[3], made.plan.instructions[4]);
  EXPECT_TRUE(failedWith(verifyPlan(made.plan),
                         "instruction 6 (copy, stream 'compute'): buffer 1, "
                         "expected a wait between what it reads and what "
                         "instruction 4 (all_reduce, stream 'tp') writes"));
}

// Hundreds of thousands of instructions and cells: what compares each with all
// before it would take minutes.
TEST(StreamOrder, LargePlans) {
  HandmadePlan made({{"dp", 2}});
  constexpr int64_t count = 100000;
  auto whole = made.buffer(DType::F32, {16 * count});
  for (int64_t i = 0; i < count; ++i)
    made.plan.buffers.push_back({0, 64 * i, DType::F32, {16}});
  made.plan.streams = {"compute", "dp"};
  for (int64_t i = 0; i < count; ++i) {
    made.add(Record{i});
    made.add(Wait{i});
    made.plan.instructions.back().stream = 1;
    auto piece = whole + 1 + i;
    made.collective(Kind::AllReduce, {dp}, i % 2 ? piece : whole,
                    i % 2 ? piece : whole, {}, {});
    made.plan.instructions.back().stream = 1;
  }
  EXPECT_TRUE(succeeded(verifyPlan(made.plan)));
  made.add(Copy{whole, whole});
  EXPECT_TRUE(failedWith(verifyPlan(made.plan), "expected a wait between"));
}
