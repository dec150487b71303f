//===- MixedProgramsTest.cpp - Mixed precision means the same -------------===//
//
// Generated programs in f32, with param-dtype=bf16. The interpreter ignores
// widths, so casts, wide sums, rounding that moves, and what the mesh makes of
// them must leave every value of the f32 program, to the last bit where numbers
// are whole.
//
//===----------------------------------------------------------------------===//

#include "GenerateFixture.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
constexpr unsigned kNumBlocks = 6, kBlockSize = 50;

class MixedPrograms : public GenerateFixture,
                      public ::testing::TestWithParam<unsigned> {};
} // namespace

/// f32 instead of f64, in types and in the data of constants; numbers such as
/// an epsilon stay.
static void narrowToF32(ModuleOp module) {
  Type f32 = Float32Type::get(module.getContext());
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](Float64Type) -> Type { return f32; });
  replacer.addReplacement([](FloatAttr attr) {
    return std::make_pair(Attribute(attr), WalkResult::skip());
  });
  replacer.addReplacement([&](DenseFPElementsAttr attr) {
    bool isInexact;
    Attribute narrow = attr.mapValues(f32, [&](APFloat value) {
      value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                    &isInexact);
      return value.bitcastToAPInt();
    });
    return std::make_pair(narrow, WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

TEST_P(MixedPrograms, MeanTheSame) {
  unsigned numPrograms = getNumPrograms(kBlockSize), numMixed = 0;
  for (unsigned i = 0; i < numPrograms; ++i) {
    uint64_t seed = uint64_t(GetParam()) * numPrograms + i;
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    Program program = generate::generate(context.get(), seed, kind);
    narrowToF32(*program.module);
    CheckOptions options;
    options.whole = kind.whole;
    // What composites decompose into has constants in f32. Lowering decomposes
    // all of them, and 1/7 in f32 leaves something of a mean that is zero; in
    // whole numbers there are none.
    options.tolerance = 1e-6;
    options.lower = kind.whole;
    options.memory = seed % 3 ? "fast" : "min";
    options.fsdpAuto = seed % 2;
    options.paramDtype = "bf16";
    options.reduceDtype = seed % 5 ? "f32" : "bf16";
    Outcome outcome = checkPhases(*program.module, options);
    // No parameter meets data in some programs.
    if (StringRef(outcome.message).contains("has nothing to compute in bf16"))
      continue;
    EXPECT_FALSE(outcome.isBad()) << "fabric-generate --seed=" << seed << "\n"
                                  << outcome.describe();
    numMixed += outcome.status == Outcome::Status::Agrees;
  }
  EXPECT_GE(numMixed, numPrograms / 2);
}

INSTANTIATE_TEST_SUITE_P(Blocks, MixedPrograms,
                         ::testing::Range(0u, kNumBlocks));
