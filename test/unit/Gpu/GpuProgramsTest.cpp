//===- GpuProgramsTest.cpp - Plans for GPUs compute what programs say -----===//
//
// Generated programs, compiled all the way to PTX and run on the emulated GPU,
// against the reference interpreter on the unsharded program, and twice.
// `FABRIC_TEST_PROGRAMS=n` makes n programs a block.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Generate/GenerateFixture.h"
#include "test/unit/Generate/SameBits.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using namespace ::fabric::runtime;
namespace plan = ::fabric::plan;

namespace {
constexpr unsigned kNumBlocks = 6, kBlockSize = 10;

class GpuPrograms : public GenerateFixture,
                    public ::testing::TestWithParam<unsigned> {};

TEST_P(GpuPrograms, RunAsTheyMean) {
  unsigned numPrograms = getNumPrograms(kBlockSize);
  for (unsigned i = 0; i < numPrograms; ++i) {
    // Programs of CompiledProgramsTest, which run on the CPU there.
    uint64_t seed =
        (uint64_t(1) << 32) + uint64_t(GetParam()) * numPrograms + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    kind.narrow = false;
    generate::Program program = generate::generate(context.get(), seed, kind);
    CheckOptions options;
    options.whole = kind.whole;
    options.memory = seed % 3 ? "fast" : "min";
    // Ranks that read each other's memory have one stream.
    options.sharedMemory = seed % 2;
    options.overlap = !options.sharedMemory;
    options.joinProducts = seed % 4 < 2;
    options.target.gpu = "sm_80";
    options.afterRun = [](const plan::Plan &plan, const RunInputs &inputs,
                          const RunOutputs &outputs) {
      auto again = runLocal(plan, inputs);
      ASSERT_TRUE(again.ok()) << again.message();
      ::fabric::test::expectSameBits(outputs, *again);
    };
    Outcome outcome = checkPlan(*program.module, options);
    EXPECT_FALSE(outcome.isBad())
        << outcome.describe() << print(*program.module);
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, GpuPrograms, ::testing::Range(0u, kNumBlocks));
} // namespace
