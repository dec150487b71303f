//===- FaultsTest.cpp - Planted faults are found --------------------------===//
//
// Faults in partitioned and sharded programs. One that changes what a rank
// returns, as the interpreter shows without comparing anything with the
// program, must be found by a verifier or by the comparison of values. The
// others are counted.
//
//===----------------------------------------------------------------------===//

#include "test/generate/Faults.h"
#include "GenerateFixture.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Pipelines.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "test/generate/CollectErrors.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using interpreter::Tensor;

namespace {
/// Programs are made until so many faults of a kind were found.
constexpr unsigned kNumFound = 40, kNumLeast = 10, kNumPrograms = 800,
                   kPlacesAProgram = 2;

struct Counts {
  unsigned byVerifier = 0, byReplicas = 0, byValues = 0;
  unsigned harmless = 0, inPadding = 0;

  unsigned getNumCaught() const { return byVerifier + byReplicas + byValues; }
};

/// What every rank returns, result by result.
using Returned = SmallVector<SmallVector<Tensor>>;

class Faults : public GenerateFixture,
               public ::testing::TestWithParam<unsigned> {
protected:
  static OwningOpRef<ModuleOp> compile(ModuleOp program, StringRef phase) {
    OwningOpRef<ModuleOp> module = program.clone();
    auto pm = PassManager::on<ModuleOp>(program.getContext());
    buildTrainPipeline(pm);
    buildShardPipeline(pm, ShardOptions());
    if (phase == "partition")
      buildPartitionPipeline(pm);
    if (failed(pm.run(*module)))
      return nullptr;
    return module;
  }

  static Returned runRanks(ModuleOp module, bool whole) {
    auto model = *module.getOps<func::FuncOp>().begin();
    auto results = model.getBody().front().getTerminator()->getOperands();
    llvm::DenseMap<Value, SmallVector<Tensor>> returned;
    interpreter::Options options;
    options.observer = [&](int64_t, Value value, const Tensor &tensor) {
      if (llvm::is_contained(results, value))
        returned[value].push_back(tensor);
    };
    auto kind = whole ? interpreter::RandomKind::SmallIntegers
                      : interpreter::RandomKind::Normal;
    // Fails where replicas disagree, after all that is looked at here.
    (void)interpreter::interpret(
        model, interpreter::makeRandomInputs(model, 0, kind), options);
    return llvm::map_to_vector(results,
                               [&](Value value) { return returned[value]; });
  }

  /// Whether a rank returns something else, well above what reordered sums do:
  /// in results without padding, and in any.
  static std::pair<bool, bool> compare(func::FuncOp model, const Returned &good,
                                       const Returned &bad) {
    double squares = 0.0;
    for (ArrayRef<Tensor> ranks : good)
      squares += std::pow(interpreter::norm(ranks.front()), 2);
    bool changes = false, changesAny = false;
    for (unsigned i = 0; i < good.size(); ++i)
      for (auto [a, b] : llvm::zip_equal(good[i], bad[i]))
        if (interpreter::relativeError(a, b, 1e-3 * std::sqrt(squares)) >
            1e-8) {
          changesAny = true;
          changes |=
              !model.getResultAttr(i, dist::DistDialect::kLogicalShapeAttr);
        }
    return {changes, changesAny};
  }

  void plant(const Program &program, ModuleOp good, const FaultKind &fault,
             unsigned place, const std::string &what);

  std::map<std::string, Counts> counts;
};

void Faults::plant(const Program &program, ModuleOp good,
                   const FaultKind &fault, unsigned place,
                   const std::string &what) {
  Counts &count = counts[fault.name.str()];
  CheckOptions options;
  options.whole = program.settings.whole;
  options.fault = [&](StringRef phase, ModuleOp module) {
    if (phase == fault.phase)
      fault.plant(module, place);
  };
  Outcome outcome = checkPhases(*program.module, options);
  if (outcome.status == Outcome::Status::Fails) {
    bool replicas = StringRef(outcome.message).contains("different replicas");
    ++(replicas ? count.byReplicas : count.byVerifier);
    return;
  }
  if (outcome.status == Outcome::Status::Differs) {
    // Types that the verifier of the shard phase lets pass must be right.
    EXPECT_EQ(outcome.phase, fault.phase.str()) << what << outcome.describe();
    ++count.byValues;
    return;
  }
  // Nothing was found: nothing may be wrong. What is said of types only, and
  // accepted, leads to a program that means the same.
  OwningOpRef<ModuleOp> bad = good.clone();
  fault.plant(*bad, place);
  if (fault.phase == "shard") {
    ++count.harmless;
    return;
  }
  auto [changes, changesAny] =
      compare(*good.getOps<func::FuncOp>().begin(),
              runRanks(good, options.whole), runRanks(*bad, options.whole));
  EXPECT_FALSE(changes) << what << "is not found\n" << print(*program.module);
  ++(changesAny ? count.inPadding : count.harmless);
}

TEST_P(Faults, AreFound) {
  const FaultKind &fault = getFaultKinds()[GetParam()];
  Counts &count = counts[fault.name.str()];
  unsigned numFound = getNumPrograms(kNumFound);
  for (uint64_t i = 0; i < kNumPrograms && count.getNumCaught() < numFound;
       ++i) {
    // Not the programs of other tests.
    uint64_t seed = (uint64_t(2) << 32) + i;
    auto context = makeContext();
    CollectErrors errors(context.get());
    Program program =
        generate::generate(context.get(), seed, getMixedKind(seed));
    OwningOpRef<ModuleOp> good = compile(*program.module, fault.phase);
    if (!good)
      continue;
    Random random(seed);
    unsigned numPlaces = fault.countPlaces(*good);
    for (unsigned j = 0; j < std::min(numPlaces, kPlacesAProgram); ++j) {
      unsigned place = random.below(numPlaces);
      plant(program, *good, fault, place,
            fault.name.str() + " at place " + std::to_string(place) +
                " of seed " + std::to_string(seed) + " ");
    }
  }
  std::cout << fault.name.str() << ": " << count.getNumCaught() << " found ("
            << count.byVerifier << " by verifiers, " << count.byReplicas
            << " by replicas that differ, " << count.byValues << " by values), "
            << count.harmless << " change nothing, " << count.inPadding
            << " only padding\n";
  EXPECT_GE(count.getNumCaught(), std::min(numFound, kNumLeast));
}

INSTANTIATE_TEST_SUITE_P(Kinds, Faults,
                         ::testing::Range(0u,
                                          unsigned(getFaultKinds().size())));
} // namespace
