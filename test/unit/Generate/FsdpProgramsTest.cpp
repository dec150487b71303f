//===- FsdpProgramsTest.cpp - What is kept split sends no more ------------===//
//
// Generated programs, sharded with every parameter gathered and with those kept
// split that the compiler chooses: the latter mean the same, compile wherever
// the former do, and no rank sends more, counted in collectives.
//
//===----------------------------------------------------------------------===//

#include "GenerateFixture.h"
#include "compiler/Pipelines.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

namespace {
constexpr unsigned kNumBlocks = 6, kBlockSize = 50;

class FsdpPrograms : public GenerateFixture,
                     public ::testing::TestWithParam<unsigned> {};

/// What a rank sends, and how many parameters are kept.
struct Traffic {
  int64_t bytes = 0;
  unsigned numKept = 0;
};
} // namespace

/// Nothing if it is refused.
static std::optional<Traffic> partition(ModuleOp program, FsdpChoice fsdp) {
  OwningOpRef<ModuleOp> module = program.clone();
  auto pm = PassManager::on<ModuleOp>(program.getContext());
  Shard2dOptions options;
  options.fsdp = fsdp;
  buildShard2dPipeline(pm, options);
  if (failed(pm.run(*module)))
    return std::nullopt;
  Traffic traffic;
  dist::MeshAttr mesh = dist::getMesh(*module);
  module->walk([&](dist::CollectiveOpInterface op) {
    traffic.bytes += op.getBytesSent(op.getCollectiveAxes().getNumParts(mesh));
  });
  for (auto function : module->getOps<func::FuncOp>())
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto choice = function.getArgAttrOfType<dist::FsdpAttr>(
              i, dist::DistDialect::kFsdpAttr))
        traffic.numKept += choice.getMode() == dist::FsdpMode::Keep;
  return traffic;
}

TEST_P(FsdpPrograms, MeanTheSameAndSendNoMore) {
  unsigned numPrograms = getNumPrograms(kBlockSize), numCheaper = 0;
  for (unsigned i = 0; i < numPrograms; ++i) {
    uint64_t seed = uint64_t(GetParam()) * numPrograms + i;
    auto context = makeContext();
    Kind kind = getMixedKind(seed);
    Program program = generate::generate(context.get(), seed, kind);
    ScopedDiagnosticHandler quiet(context.get(),
                                  [](Diagnostic &) { return success(); });
    std::optional<Traffic> gather =
        partition(*program.module, FsdpChoice::Gather);
    if (!gather)
      continue;
    std::optional<Traffic> kept = partition(*program.module, FsdpChoice::Auto);
    EXPECT_TRUE(kept) << "fabric-generate --seed=" << seed;
    if (!kept)
      continue;
    EXPECT_LE(kept->bytes, gather->bytes) << "fabric-generate --seed=" << seed;
    numCheaper += kept->bytes < gather->bytes;
    if (kept->numKept == 0)
      continue;
    CheckOptions options;
    options.whole = kind.whole;
    options.fsdpAuto = true;
    Outcome outcome = checkPhases(*program.module, options);
    EXPECT_EQ(outcome.status, Outcome::Status::Agrees)
        << "fabric-generate --seed=" << seed << "\n"
        << outcome.describe();
  }
  // Else nothing is tested.
  EXPECT_GE(numCheaper, numPrograms / 10);
}

INSTANTIATE_TEST_SUITE_P(Blocks, FsdpPrograms,
                         ::testing::Range(0u, kNumBlocks));
