//===- CompiledProgramsTest.cpp - Plans compute what programs say ---------===//
//
// Generated programs, compiled all the way and run on local ranks, against the
// reference interpreter on the unsharded program. `FABRIC_TEST_PROGRAMS=n`
// makes n programs a block.
//
//===----------------------------------------------------------------------===//

#include "GenerateFixture.h"
#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
constexpr unsigned kNumBlocks = 6, kBlockSize = 20;

class CompiledPrograms : public GenerateFixture,
                         public ::testing::TestWithParam<unsigned> {
protected:
  /// Not the programs that the phases are tested on.
  uint64_t getSeed(unsigned i, unsigned numPrograms) {
    return (uint64_t(1) << 32) + uint64_t(GetParam()) * numPrograms + i;
  }
};

/// The program on tensors of f32: programs are generated in f64.
void toF32(ModuleOp program) {
  Type f32 = Float32Type::get(program.getContext());
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> Type {
    return type.getElementType().isF64() ? type.clone(f32) : type;
  });
  replacer.addReplacement(
      [&](DenseFPElementsAttr attr) -> std::pair<Attribute, WalkResult> {
        bool lossy;
        Attribute narrow = attr.mapValues(f32, [&](APFloat value) {
          value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                        &lossy);
          return value.bitcastToAPInt();
        });
        return {narrow, WalkResult::skip()};
      });
  replacer.recursivelyReplaceElementsIn(program, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

TEST_P(CompiledPrograms, RunAsTheyMean) {
  unsigned numPrograms = getNumPrograms(kBlockSize);
  for (unsigned i = 0; i < numPrograms; ++i) {
    uint64_t seed = getSeed(i, numPrograms);
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    kind.narrow = false;
    Program program = generate::generate(context.get(), seed, kind);
    CheckOptions options;
    options.whole = kind.whole;
    options.memory = seed % 3 ? "fast" : "min";
    options.sharedMemory = seed % 2;
    options.joinProducts = seed % 4 < 2;
    Outcome outcome = checkPlan(*program.module, options);
    EXPECT_FALSE(outcome.isBad())
        << "seed " << seed << "\n"
        << outcome.describe() << print(*program.module);
  }
}

// Products of f32 are another library's than those of f64.
TEST_P(CompiledPrograms, RunAsTheyMeanInF32) {
  unsigned numPrograms = getNumPrograms(kBlockSize) / 2;
  for (unsigned i = 0; i < numPrograms; ++i) {
    uint64_t seed = getSeed(i, numPrograms);
    auto context = makeContext();
    Kind kind;
    if (i % 2)
      kind.train = TrainMode::Gradients;
    // As far from jumps as f32 is coarser.
    Program program =
        generate::generate(context.get(), seed, kind, /*largest=*/100.0,
                           /*margin=*/1e-3);
    toF32(*program.module);
    CheckOptions options;
    options.tolerance = 1e-4;
    options.sharedMemory = seed % 4 < 2;
    Outcome outcome = checkPlan(*program.module, options);
    EXPECT_FALSE(outcome.isBad())
        << "seed " << seed << "\n"
        << outcome.describe() << print(*program.module);
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, CompiledPrograms,
                         ::testing::Range(0u, kNumBlocks));
} // namespace
