//===- StreamProgramsTest.cpp - Collectives beside what computes ----------===//
//
// Generated programs, compiled so that collectives run in streams of their own.
// The plan computes what the program means, and the same bits in other orders
// that its streams and events allow; and every wait that the compiler placed is
// one that the verifier misses.
//
//===----------------------------------------------------------------------===//

#include "GenerateFixture.h"
#include "SameBits.h"
#include "runtime/Plan/PlanVerifier.h"
#include "test/unit/Runtime/OtherOrders.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using namespace ::fabric::runtime;
using namespace ::fabric::test;
namespace plan = ::fabric::plan;

namespace {
constexpr unsigned kNumBlocks = 6, kBlockSize = 16;

class StreamPrograms : public GenerateFixture,
                       public ::testing::TestWithParam<unsigned> {};

/// What is missing, missed.
void expectEveryWaitIsNeeded(const plan::Plan &plan) {
  for (size_t wait : findWaits(plan)) {
    ::fabric::Status status = verifyPlan(without(plan, wait));
    EXPECT_NE(status.ok() ? std::string::npos
                          : status.message().find("expected a wait between"),
              std::string::npos)
        << "instruction " << wait << ": " << status.message();
  }
}
} // namespace

TEST_P(StreamPrograms, RunInEveryOrderAsTheyMean) {
  unsigned numPrograms = getNumPrograms(kBlockSize), numWithStreams = 0;
  for (unsigned i = 0; i < numPrograms; ++i) {
    // Programs of CompiledProgramsTest, which run without streams there.
    uint64_t seed =
        (uint64_t(1) << 32) + uint64_t(GetParam()) * numPrograms + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    kind.narrow = false;
    generate::Program program = generate::generate(context.get(), seed, kind);
    CheckOptions options;
    options.whole = kind.whole;
    options.overlap = true;
    options.joinProducts = seed % 2;
    options.afterRun = [&](const plan::Plan &plan, const RunInputs &inputs,
                           const RunOutputs &outputs) {
      numWithStreams += !plan.streams.empty();
      expectEveryWaitIsNeeded(plan);
      for (uint64_t order = 0; order < 4 && !plan.streams.empty(); ++order) {
        auto again = runLocal(reorder(plan, order), inputs);
        ASSERT_TRUE(again.ok()) << again.message();
        expectSameBits(outputs, *again);
      }
    };
    Outcome outcome = checkPlan(*program.module, options);
    EXPECT_FALSE(outcome.isBad())
        << outcome.describe() << print(*program.module);
  }
  // Else nothing is tested.
  EXPECT_GE(numWithStreams, numPrograms / 4);
}

INSTANTIATE_TEST_SUITE_P(Blocks, StreamPrograms,
                         ::testing::Range(0u, kNumBlocks));
