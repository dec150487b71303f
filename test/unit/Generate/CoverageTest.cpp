//===- CoverageTest.cpp - What is generated -------------------------------===//

#include "GenerateFixture.h"
#include "compiler/Pipelines.h"
#include "mlir/Pass/PassManager.h"
#include "test/generate/CollectErrors.h"
#include "test/generate/OpMakers.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
class Coverage : public GenerateFixture, public ::testing::Test {
protected:
  /// Why a program has none of these.
  static StringRef getReason(StringRef op) {
    return llvm::StringSwitch<StringRef>(op)
        .Case("dist.reshard", "made by the shard phase")
        .Case("dist.axis_index", "made by localise")
        .Case("dist.all_gather", "made by the partition phase")
        .Case("dist.all_slice", "made by the partition phase")
        .Case("dist.all_reduce", "made by the partition phase")
        .Case("dist.reduce_scatter", "made by the partition phase")
        .Case("dist.all_to_all", "made by the partition phase")
        .Default("");
  }
};

TEST_F(Coverage, EveryOpIsGenerated) {
  constexpr unsigned kNumPrograms = 150;
  llvm::StringMap<unsigned> counts;
  llvm::SmallDenseSet<unsigned> numAxes, axisSizes;
  for (uint64_t seed = 0; seed < kNumPrograms; ++seed) {
    auto context = makeContext();
    CollectErrors errors(context.get());
    Program program =
        generate::generate(context.get(), seed, getMixedKind(seed));
    numAxes.insert(program.settings.mesh.getSizes().size());
    for (int64_t size : program.settings.mesh.getSizes())
      axisSizes.insert(size);
    auto pm = PassManager::on<ModuleOp>(context.get());
    buildTrainPipeline(pm);
    ASSERT_TRUE(succeeded(pm.run(*program.module))) << errors.take();
    program.module->walk(
        [&](Operation *op) { ++counts[op->getName().getStringRef()]; });
  }
  auto context = makeContext();
  for (StringRef dialect : {"fabric", "dist"})
    for (RegisteredOperationName name :
         context->getRegisteredOperationsByDialect(dialect)) {
      StringRef op = name.getStringRef();
      bool isGenerated = counts.lookup(op) >= 3;
      EXPECT_NE(isGenerated, !getReason(op).empty())
          << op.str() << " is in " << counts.lookup(op) << " programs of "
          << kNumPrograms << "; give it a maker in test/generate";
    }
  EXPECT_EQ(numAxes.size(), 3u);
  EXPECT_EQ(axisSizes.size(), 4u);
}

TEST_F(Coverage, ASeedIsOneProgram) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    auto first = makeContext(), second = makeContext();
    Kind kind = getMixedKind(seed);
    EXPECT_EQ(print(*generate::generate(first.get(), seed, kind).module),
              print(*generate::generate(second.get(), seed, kind).module));
  }
}
} // namespace
