//===- AllocationTest.cpp - A step allocates nothing ----------------------===//
//
// Apart from the other tests, for it replaces the program's operator new.
//
//===----------------------------------------------------------------------===//

#include "HandmadePlan.h"
#include "ProgramOnThreads.h"
#include "StatusMatchers.h"

#include <cstdlib>
#include <new>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {
thread_local int64_t allocations = 0;
} // namespace

// Counts what a thread allocates: a step must not.
void *operator new(std::size_t bytes) {
  ++allocations;
  if (void *address = std::malloc(bytes ? bytes : 1))
    return address;
  throw std::bad_alloc();
}
void operator delete(void *address) noexcept { std::free(address); }
void operator delete(void *address, std::size_t) noexcept {
  std::free(address);
}

namespace {

TEST(Executor, StepsAllocateNothing) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Status status =
      onEveryRank(made.plan, {},
                  [&](comm::Communicator &ranks, Program &program) -> Status {
                    FABRIC_RETURN_IF_ERROR(program.step(1));
                    int64_t before = allocations;
                    FABRIC_RETURN_IF_ERROR(program.step(2));
                    FABRIC_RETURN_IF_ERROR(program.step(3));
                    int64_t during = allocations - before;
                    EXPECT_GT(before, 0);
                    EXPECT_EQ(during, 0);
                    return ranks.agree(Status::success());
                  });
  EXPECT_TRUE(succeeded(status));
}

} // namespace
