//===- PtxThreadsTest.cpp - Threads, and what they share ------------------===//

#include "PtxHarness.h"

#include <numeric>

using namespace fabric;
using namespace fabric::test;

namespace {

/// b[thread of the grid] is in %d1, its number in %r1.
const std::string own = "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x;"
                        "mov.u32 %r4, %tid.x; mul.lo.s32 %r1, %r2, %r3;"
                        "add.s32 %r1, %r1, %r4; mul.wide.u32 %d1, %r1, 4;"
                        "add.s64 %d2, %a, %d1; add.s64 %d1, %b, %d1;\n";

std::vector<uint32_t> count(size_t n) {
  std::vector<uint32_t> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(PtxThreads, KnowWhereTheyAre) {
  std::vector<uint32_t> a(1), b(2 * 3 * 4 * 5);
  plan::Grid grid = {{2, 3, 1}, {4, 1, 5}, 0};
  // ((y * 2 + x) * 5 + thread z) * 4 + thread x
  ASSERT_TRUE(succeeded(runOn(
      "mov.u32 %r1, %ctaid.y; mov.u32 %r2, %nctaid.x; mul.lo.s32 %r1, %r1, %r2;"
      "mov.u32 %r2, %ctaid.x; add.s32 %r1, %r1, %r2;"
      "mov.u32 %r2, %ntid.z; mul.lo.s32 %r1, %r1, %r2;"
      "mov.u32 %r2, %tid.z; add.s32 %r1, %r1, %r2;"
      "mov.u32 %r2, %ntid.x; mul.lo.s32 %r1, %r1, %r2;"
      "mov.u32 %r2, %tid.x; add.s32 %r1, %r1, %r2;"
      "mul.wide.u32 %d1, %r1, 4; add.s64 %d1, %b, %d1;"
      "st.global.b32 [%d1], %r1;",
      grid, a, b)));
  EXPECT_EQ(b, count(b.size()));
}

TEST(PtxThreads, BranchApart) {
  std::vector<uint32_t> a(1), b(64);
  // 1 + 2 + ... + n, or 100 for odd n.
  ASSERT_TRUE(succeeded(runOn(own + R"(
    and.b32 %r5, %r1, 1; setp.eq.b32 %p1, %r5, 1;
    mov.b32 %r6, 100; @%p1 bra $out;
    mov.b32 %r6, 0; mov.b32 %r7, 0;
    $loop: setp.ge.u32 %p2, %r7, %r1; @%p2 bra $out;
    add.s32 %r7, %r7, 1; add.s32 %r6, %r6, %r7; bra.uni $loop;
    $out: @!%p1 add.s32 %r6, %r6, 1000;
    st.global.b32 [%d1], %r6;)",
                              blocks(2, 32), a, b)));
  for (uint32_t n = 0; n < 64; ++n)
    EXPECT_EQ(b[n], n % 2 ? 100 : n * (n + 1) / 2 + 1000);
}

const std::string shared = ".shared .align 16 .b8 tile[256];"
                           "mov.b64 %d4, tile; mul.wide.u32 %d3, %r4, 4;"
                           "add.s64 %d5, %d4, %d3; sub.s64 %d6, %d4, %d3;\n";

TEST(PtxThreads, MeetAtBarriers) {
  std::vector<uint32_t> a = count(128), b(128);
  // Each block turns its part around.
  ASSERT_TRUE(succeeded(runOn(own + shared + R"(
    ld.global.b32 %r5, [%d2]; st.shared.b32 [%d5], %r5;
    bar.sync 0;
    ld.shared.b32 %r5, [%d6+252]; st.global.b32 [%d1], %r5;)",
                              blocks(2, 64), a, b)));
  for (uint32_t n = 0; n < 128; ++n)
    EXPECT_EQ(b[n], n / 64 * 64 + 63 - n % 64);
}

TEST(PtxThreads, ShuffleWithinAWarp) {
  std::vector<uint32_t> a = count(64), b(64);
  ASSERT_TRUE(succeeded(runOn(own + R"(
    ld.global.b32 %r5, [%d2];
    shfl.sync.bfly.b32 %r5, %r5, 5, 31, -1;
    st.global.b32 [%d1], %r5;)",
                              blocks(1, 64), a, b)));
  for (uint32_t n = 0; n < 64; ++n)
    EXPECT_EQ(b[n], n ^ 5);
}

// Segments of eight lanes: c is 0x1800 | 0x1f. Who would leave his stays.
TEST(PtxThreads, ShuffleWithinASegment) {
  std::vector<uint32_t> a = count(32), b(32);
  ASSERT_TRUE(succeeded(runOn(own + R"(
    shfl.sync.bfly.b32 %r5, %r1, 3, 6175, -1;
    shfl.sync.bfly.b32 %r6, %r1, 8, 6175, -1;
    mul.lo.s32 %r6, %r6, 100; add.s32 %r5, %r5, %r6;
    st.global.b32 [%d1], %r5;)",
                              blocks(1, 32), a, b)));
  for (uint32_t n = 0; n < 32; ++n) {
    // Lower lanes may still be read: only the last of the segment bounds.
    uint32_t other = n ^ 8;
    EXPECT_EQ(b[n], (n ^ 3) + 100 * (other <= (n | 7) ? other : n)) << n;
  }
}

//===----------------------------------------------------------------------===//
// What threads must not do
//===----------------------------------------------------------------------===//

Status run(const std::string &body, plan::Grid grid, size_t bytes = 256) {
  std::vector<uint32_t> a(bytes / 4), b(bytes / 4);
  return runOn(own + shared + body, grid, a, b);
}

TEST(PtxFaults, MemoryOfNobody) {
  std::string store = "st.global.b32 [%d1], %r1;";
  EXPECT_TRUE(succeeded(run(store, blocks(2, 32))));
  // One thread too many.
  EXPECT_TRUE(
      failedWith(run(store, blocks(1, 65)), "block 0,0,0, thread 64,0,0"));
  EXPECT_TRUE(failedWith(run(store, blocks(3, 32)),
                         "'st.global.b32 [%d1], %r1;': outside of every "
                         "allocation: 4 bytes at 0x"));
  EXPECT_TRUE(failedWith(run("ld.global.b32 %r1, [%b+-4];", oneThread),
                         "outside of every allocation"));
  // The last of four elements.
  EXPECT_TRUE(failedWith(
      run("ld.global.v4.b32 {%r5, %r6, %r7, %r8}, [%b+16];", oneThread, 28),
      "outside of every allocation: 16 bytes"));
  EXPECT_TRUE(
      failedWith(run("mov.b64 %d1, 0; ld.global.b32 %r1, [%d1];", oneThread),
                 "before every allocation"));
}

TEST(PtxFaults, Alignment) {
  EXPECT_TRUE(failedWith(run("ld.global.b32 %r1, [%a+2];", oneThread),
                         "not aligned: 4 bytes at"));
  // Of the whole vector.
  EXPECT_TRUE(failedWith(run("ld.global.v2.b32 {%r1, %r2}, [%a+4];", oneThread),
                         "not aligned"));
  EXPECT_TRUE(failedWith(
      run("ld.shared.v2.b64 {%d1, %d2}, [%d4+8];", oneThread), "not aligned"));
}

TEST(PtxFaults, SharedMemory) {
  EXPECT_TRUE(failedWith(run("st.shared.b32 [%d4+256], %r1;", oneThread),
                         "outside of every variable: 4 bytes at"));
  EXPECT_TRUE(failedWith(run("ld.shared.b32 %r1, [%d4];", oneThread),
                         "never written: 4 bytes at"));
  // Half of it.
  EXPECT_TRUE(failedWith(
      run("st.shared.b32 [%d4], %r1; ld.shared.b64 %d1, [%d4];", oneThread),
      "never written: 8 bytes at"));
  // What another block has written is not there.
  EXPECT_TRUE(failedWith(run("setp.eq.b32 %p1, %r2, 0;"
                             "@%p1 st.shared.b32 [%d4], %r1;"
                             "ld.shared.b32 %r1, [%d4];",
                             blocks(2, 1)),
                         "block 1,0,0, thread 0,0,0"));
}

TEST(PtxFaults, Races) {
  // Threads turn around what they have written: there and back.
  std::string there = "st.shared.b32 [%d5], %r1;", barrier = "bar.sync 0;",
              read = "ld.shared.b32 %r5, [%d6+252];",
              back = "st.shared.b32 [%d5], %r5;";
  EXPECT_TRUE(
      succeeded(run(there + barrier + read + barrier + back, blocks(1, 64))));
  EXPECT_TRUE(failedWith(run(there + read, blocks(1, 64)),
                         "never written: 4 bytes at"));
  EXPECT_TRUE(failedWith(run(there + barrier + read + back, blocks(1, 64)),
                         "a race with another thread: 4 bytes at"));
  // All threads write one element.
  EXPECT_TRUE(failedWith(run("st.shared.b32 [%d4], %r1;", blocks(1, 2)),
                         "a race with another thread"));
  EXPECT_TRUE(failedWith(run("st.global.b32 [%b], %r1;", blocks(2, 1)),
                         "a race with another thread"));
  // Read in one block and written in another.
  EXPECT_TRUE(failedWith(run("ld.global.b32 %r5, [%b];"
                             "setp.eq.b32 %p1, %r1, 2;"
                             "@%p1 st.global.b32 [%b], %r5;",
                             blocks(3, 1)),
                         "a race with another thread"));
  EXPECT_TRUE(succeeded(run("ld.global.b32 %r5, [%b];", blocks(3, 4))));
}

TEST(PtxFaults, ThreadsThatWaitForever) {
  EXPECT_TRUE(failedWith(
      run("setp.eq.b32 %p1, %r4, 63; @%p1 ret; bar.sync 0;", blocks(1, 64)),
      "waits for what never happens"));
  EXPECT_TRUE(failedWith(run("setp.eq.b32 %p1, %r4, 3; @%p1 bra $on;"
                             "shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1; $on:",
                             blocks(1, 32)),
                         "waits for what never happens"));
  EXPECT_TRUE(
      failedWith(run("shfl.sync.bfly.b32 %r5, %r1, 16, 31, -1;", blocks(1, 16)),
                 "not the whole warp takes part"));
  EXPECT_TRUE(
      failedWith(run("shfl.sync.bfly.b32 %r5, %r1, 1, 31, 3;", blocks(1, 32)),
                 "not the whole warp takes part"));
  EXPECT_TRUE(failedWith(run("setp.eq.b32 %p1, %r4, 3; @%p1 bra $on;"
                             "bar.sync 0; bra $end; $on: bar.sync 0; $end:",
                             blocks(1, 32)),
                         "another barrier than its warp's"));
  EXPECT_TRUE(failedWith(run("$loop: bra $loop;", oneThread), "does not end"));
}

TEST(PtxFaults, Grids) {
  EXPECT_TRUE(failedWith(run("", blocks(0, 1)), "found 0 of 1"));
  EXPECT_TRUE(failedWith(run("", blocks(1, 1025)),
                         "expected blocks of 1 to 1024 threads"));
  EXPECT_TRUE(failedWith(run(".shared .align 4 .b8 large[48900];", oneThread),
                         "a block has 49156 bytes of shared memory, of 49152"));
  EXPECT_TRUE(failedWith(run("", {{1, 1, 1}, {1, 1, 1}, 64}), "has 64 bytes"));
}

} // namespace
