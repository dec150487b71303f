//===- NcclScratchTest.cpp - Collectives in memory that is given ----------===//
//
// Over the NCCL of FakeNccl.cpp, as the suite of communicators, which lets the
// communicator allocate.
//
//===----------------------------------------------------------------------===//

#include "CommHarness.h"
#include "StatusMatchers.h"

#include <span>
#include <vector>

using namespace fabric;
using namespace fabric::comm;
using namespace fabric::test;

namespace {

constexpr int size = 3;
constexpr int64_t count = 1000;

/// Every rank's sum of 1, 2 and 3 times 0, 1, 2, ..., through `bytes`.
Status sumThrough(Communicator &communicator, int64_t bytes,
                  std::vector<float> &sum) {
  std::vector<std::byte> memory(static_cast<size_t>(bytes) + 64,
                                std::byte{0xab});
  GroupSpec spec{{0, 1, 2},
                 "{\"dp\"}",
                 std::span(memory).first(static_cast<size_t>(bytes))};
  FABRIC_ASSIGN_OR_RETURN(auto group,
                          communicator.createGroup(spec, &place()->stream));
  std::vector<float> mine(count);
  for (int64_t i = 0; i < count; ++i)
    mine[i] = static_cast<float>((communicator.rank() + 1) * i);
  sum.assign(count, -1);
  FABRIC_RETURN_IF_ERROR(group->allReduce(DType::F32, Reduction::Sum, count,
                                          mine.data(), sum.data()));
  for (size_t i = static_cast<size_t>(bytes); i < memory.size(); ++i)
    if (memory[i] != std::byte{0xab})
      return Status::error("wrote behind its scratch");
  return Status::success();
}

TEST(NcclScratch, IsAllThatACollectiveUses) {
  // Many chunks; and all at once.
  for (int64_t bytes : {512, 1536, 16384})
    onAllRanks(size, [&](Communicator &communicator) {
      std::vector<float> sum;
      EXPECT_TRUE(succeeded(sumThrough(communicator, bytes, sum)));
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(sum[i], static_cast<float>(6 * i)) << bytes;
      EXPECT_EQ(communicator.scratchBytes(), 0);
    });
}

TEST(NcclScratch, ThatHoldsNoChunkIsRefused) {
  for (int64_t bytes : {0, 511})
    onAllRanks(size, [&](Communicator &communicator) {
      std::vector<float> sum;
      EXPECT_TRUE(failedWith(sumThrough(communicator, bytes, sum),
                             "needs 48 bytes to send from and as many to "
                             "receive in, and has 0"));
    });
}

} // namespace
