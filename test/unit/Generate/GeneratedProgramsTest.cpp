//===- GeneratedProgramsTest.cpp - Phases keep what programs mean ---------===//
//
// Generated programs on generated meshes: what the ranks compute together after
// every phase is what the program says, to the last bits that reordered sums
// leave open; where only whole numbers are added and multiplied, to the last
// bit. `FABRIC_TEST_PROGRAMS=n` makes n programs a block.
//
//===----------------------------------------------------------------------===//

#include "GenerateFixture.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
constexpr unsigned kNumBlocks = 12, kBlockSize = 100;

class GeneratedPrograms : public GenerateFixture,
                          public ::testing::TestWithParam<unsigned> {};

TEST_P(GeneratedPrograms, MeanTheSameAfterEveryPhase) {
  unsigned numPrograms = getNumPrograms(kBlockSize), numRefused = 0;
  for (unsigned i = 0; i < numPrograms; ++i) {
    uint64_t seed = uint64_t(GetParam()) * numPrograms + i;
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    Program program = generate::generate(context.get(), seed, kind);
    CheckOptions options;
    options.whole = kind.whole;
    options.memory = seed % 3 ? "fast" : "min";
    options.sharedMemory = seed % 2;
    options.joinProducts = seed % 4 < 2;
    Outcome outcome = checkPhases(*program.module, options);
    EXPECT_FALSE(outcome.isBad()) << "fabric-generate --seed=" << seed << "\n"
                                  << outcome.describe();
    // Some reshapes and slices leave no place for padding.
    bool refused = outcome.status == Outcome::Status::Refused;
    EXPECT_TRUE(!refused || kind.uneven) << seed;
    numRefused += refused;
  }
  EXPECT_LE(numRefused, numPrograms / 5 + 1);
}

INSTANTIATE_TEST_SUITE_P(Blocks, GeneratedPrograms,
                         ::testing::Range(0u, kNumBlocks));
} // namespace
