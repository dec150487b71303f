//===- ShrinkTest.cpp - What fails becomes small --------------------------===//
//
// With a fault planted behind the partition phase, programs fail; what
// shrinking leaves fails in the same way and is little more than the op that is
// wrong.
//
//===----------------------------------------------------------------------===//

#include "test/generate/Shrink.h"
#include "GenerateFixture.h"
#include "mlir/Parser/Parser.h"
#include "test/generate/Faults.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
constexpr unsigned kMostOps = 5;

class Shrink : public GenerateFixture,
               public ::testing::TestWithParam<StringRef> {
protected:
  static CheckOptions withFault(const FaultKind &fault) {
    CheckOptions options;
    options.fault = [&](StringRef phase, ModuleOp module) {
      if (phase == fault.phase && fault.countPlaces(module) > 0)
        fault.plant(module, 0);
    };
    return options;
  }
};

TEST_P(Shrink, LeavesTheFault) {
  const FaultKind &fault = *llvm::find_if(
      getFaultKinds(), [](const FaultKind &f) { return f.name == GetParam(); });
  CheckOptions options = withFault(fault);
  unsigned numShrunk = 0;
  for (uint64_t seed = 0; numShrunk < 5; ++seed) {
    ASSERT_LT(seed, 200u) << "hardly a program shows the fault";
    auto context = makeContext();
    Kind kind;
    if (seed % 2)
      kind.train = TrainMode::Gradients;
    Program program = generate::generate(context.get(), seed, kind);
    Outcome outcome = checkPhases(*program.module, options);
    if (!outcome.isBad() || countOps(*program.module) < 10)
      continue;
    auto failsAlike = [&](ModuleOp candidate) {
      return measure(candidate).isMeaningful(false, kLargest, kMargin) &&
             checkPhases(candidate, options).getSignature() ==
                 outcome.getSignature();
    };
    OwningOpRef<ModuleOp> small = shrink(*program.module, failsAlike);
    EXPECT_LE(countOps(*small), kMostOps) << print(*small);
    // What was written is what fails.
    auto again = parseSourceString<ModuleOp>(print(*small), context.get());
    ASSERT_TRUE(again);
    EXPECT_TRUE(failsAlike(*again)) << print(*small);
    // The fault is all that is wrong with it.
    EXPECT_FALSE(checkPhases(*small, {}).isBad()) << print(*small);
    ++numShrunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, Shrink,
                         ::testing::Values("a dropped reduction",
                                           "the own block for a gather",
                                           "a swapped dim"));
} // namespace
