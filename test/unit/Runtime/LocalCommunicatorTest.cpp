//===- LocalCommunicatorTest.cpp - Failures among threads -----------------===//

#include "runtime/Comm/LocalCommunicator.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace fabric;
using namespace fabric::comm;

namespace {

/// Runs `body` on `size` threads against one world.
void onThreads(LocalWorld &world,
               const std::function<void(Communicator &)> &body) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world.size(); ++rank)
    threads.emplace_back([&, rank] { body(*world.communicator(rank)); });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(LocalCommunicator, AFailureEndsEveryWait) {
  auto world = LocalWorld::create(4);
  onThreads(*world, [](Communicator &communicator) {
    auto group = communicator.createGroup({{0, 1, 2, 3}, "{\"tp\"}"});
    ASSERT_TRUE(group.ok());
    float value = 1;
    if (communicator.rank() == 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return communicator.abort(Status::error("no memory left"));
    }
    Status status =
        (*group)->allReduce(DType::F32, Reduction::Sum, 1, &value, &value);
    ASSERT_TRUE(status.failed());
    EXPECT_EQ(status.message(), "all_reduce over {\"tp\"} on rank " +
                                    std::to_string(communicator.rank()) +
                                    ": rank 2 failed: no memory left");
    // And every later one.
    EXPECT_TRUE(communicator.agree(Status::success()).failed());
  });
  ASSERT_TRUE(world->firstFailure().has_value());
  EXPECT_EQ(world->firstFailure()->message(), "no memory left");
}

TEST(LocalCommunicator, AnAbsentRankIsNamedAfterTheTimeout) {
  CommOptions options;
  options.timeout = std::chrono::milliseconds(50);
  auto world = LocalWorld::create(3, options);
  onThreads(*world, [](Communicator &communicator) {
    auto group = communicator.createGroup({{0, 1, 2}, "{\"dp\"}"});
    if (communicator.rank() == 1)
      return;
    Status status = (*group)->barrier();
    ASSERT_TRUE(status.failed());
    EXPECT_NE(status.message().find("barrier over {\"dp\"} on rank"),
              std::string::npos);
    EXPECT_NE(status.message().find("rank 1 did not come within 0.05 s"),
              std::string::npos)
        << status.message();
  });
}

TEST(LocalCommunicator, SharesMemoryForAsLongAsSomebodyHoldsIt) {
  auto world = LocalWorld::create(3);
  onThreads(*world, [](Communicator &communicator) {
    EXPECT_TRUE(communicator.features().sharedMemory);
    auto mine = std::make_shared<std::byte>(std::byte(communicator.rank()));
    auto all = communicator.shareMemory(mine);
    ASSERT_TRUE(all.ok());
    EXPECT_EQ((*all)[communicator.rank()].get(), mine.get());
    mine.reset();
    if (communicator.rank() == 1)
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (int rank = 0; rank < 3; ++rank)
      EXPECT_EQ(*(*all)[rank], std::byte(rank));
  });
}

// What is lent may be written after the next meeting, and leave with its rank
// after the group. ThreadSanitizer sees a peer that still reads.
TEST(LocalCommunicator, LentInputsAreReadUntilTheRanksMeetAgain) {
  auto world = LocalWorld::create(3);
  onThreads(*world, [](Communicator &communicator) {
    std::vector<float> in(1000), out(3000), sum(1000);
    auto group = communicator.createGroup({{0, 1, 2}, "{\"dp\"}"});
    ASSERT_TRUE(group.ok());
    for (int step = 0; step < 200; ++step) {
      std::fill(in.begin(), in.end(), 10.0f * step + communicator.rank());
      ASSERT_TRUE((*group)
                      ->allGather(DType::F32, Pieces{1, 1000}, in.data(),
                                  out.data(), Input::Lent)
                      .ok());
      for (int rank = 0; rank < 3; ++rank)
        ASSERT_EQ(out[rank * 1000 + 999], 10.0f * step + rank);
      ASSERT_TRUE((*group)
                      ->reduceScatter(DType::F32, Reduction::Sum,
                                      Pieces{1, 1000}, out.data(), sum.data(),
                                      Input::Lent)
                      .ok());
      ASSERT_EQ(sum[999], 3 * (10.0f * step + communicator.rank()));
      if (step % 2 == 0)
        ASSERT_TRUE((*group)->barrier().ok());
      else
        ASSERT_TRUE(communicator.agree(Status::success()).ok());
    }
  });
}

TEST(LocalCommunicator, RanksThatDisagreeAreTold) {
  auto world = LocalWorld::create(2);
  onThreads(*world, [](Communicator &communicator) {
    auto group = communicator.createGroup({{0, 1}, "{\"tp\"}"});
    float in[4] = {}, out[8] = {};
    Status status =
        communicator.rank() == 0
            ? (*group)->allGather(DType::F32, Pieces{1, 2}, in, out)
            : (*group)->allReduce(DType::F32, Reduction::Sum, 4, in, out);
    ASSERT_TRUE(status.failed());
    EXPECT_NE(status.message().find("rank 1 came with all_reduce of 16 bytes, "
                                    "rank 0 with all_gather of 8"),
              std::string::npos)
        << status.message();
  });
}

// Ranks that fail while others still read must leave no reader behind: the
// buffers live on the stacks of the failing threads.
TEST(LocalCommunicator, FailuresAmongManyCollectivesNeverHang) {
  for (int round = 0; round < 50; ++round) {
    auto world = LocalWorld::create(8);
    onThreads(*world, [&](Communicator &communicator) {
      auto group =
          communicator.createGroup({{0, 1, 2, 3, 4, 5, 6, 7}, "{\"x\"}"});
      std::vector<float> in(3000, 1.0f), out(3000);
      for (int step = 0; step < 20; ++step) {
        if (communicator.rank() == round % 8 && step == 7 + round % 5)
          return communicator.abort(Status::error("stop"));
        if ((*group)
                ->allReduce(DType::F32, Reduction::Sum, 3000, in.data(),
                            out.data())
                .failed())
          return;
        ASSERT_EQ(out[0], 8.0f);
        ASSERT_EQ(out[2999], 8.0f);
      }
      ADD_FAILURE() << "nobody stopped";
    });
  }
}

} // namespace
