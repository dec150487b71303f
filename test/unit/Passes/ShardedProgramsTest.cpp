//===- ShardedProgramsTest.cpp - Sharding never changes the meaning -------===//
//
// Generated programs, trained or not, on meshes of up to eight ranks: what the
// ranks compute together is what the program says, to the last bits that
// reordered sums leave open; where only whole numbers are added and multiplied,
// to the last bit. `FABRIC_TEST_PROGRAMS=n` makes n programs a mesh.
//
//===----------------------------------------------------------------------===//

#include "RandomProgram.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Pipelines.h"
#include "compiler/Registration.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;
using mlir::fabric::test::RandomProgram;

namespace {
using Axes = std::vector<std::pair<std::string, int64_t>>;

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  return text;
}

class ShardedPrograms : public ::testing::TestWithParam<Axes> {
protected:
  ShardedPrograms() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    // What runs whole, and what was decided, is said in remarks: many here.
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        errors += diagnostic.str() + "\n";
      return success();
    });
    SmallVector<StringAttr> names;
    SmallVector<int64_t> sizes;
    for (const auto &[name, size] : GetParam()) {
      names.push_back(StringAttr::get(&context, name));
      sizes.push_back(size);
    }
    mesh = dist::MeshAttr::get(&context, names, sizes);
  }

  static unsigned getNumPrograms() {
    const char *text = std::getenv("FABRIC_TEST_PROGRAMS");
    return text ? std::atoi(text) : 25;
  }

  OwningOpRef<ModuleOp> run(ModuleOp module,
                            function_ref<void(OpPassManager &)> build) {
    OwningOpRef<ModuleOp> copy = module.clone();
    auto pm = PassManager::on<ModuleOp>(&context);
    build(pm);
    if (failed(pm.run(*copy)))
      return nullptr;
    return copy;
  }

  /// Runs the program sharded and not; an empty string if all is well.
  std::string check(ModuleOp program, RandomKind kind, double tolerance) {
    OwningOpRef<ModuleOp> step = run(program, buildTrainPipeline);
    if (!step)
      return "train fails: " + errors;
    auto shard = [](OpPassManager &pm) {
      buildShardPipeline(pm, ShardOptions());
    };
    OwningOpRef<ModuleOp> sharded = run(*step, shard);
    if (!sharded) {
      // Some reshapes leave no place for padding: an error is all there is.
      if (errors.find("cannot be padded") == std::string::npos)
        return "shard fails: " + errors;
      errors.clear();
      ++numRefused;
      return "";
    }
    if (print(*run(*step, shard)) != print(*sharded))
      return "shard makes two different modules";
    OwningOpRef<ModuleOp> partitioned = run(*sharded, buildPartitionPipeline);
    if (!partitioned)
      return "partition fails: " + errors;

    auto model = *step->getOps<func::FuncOp>().begin();
    auto local = *partitioned->getOps<func::FuncOp>().begin();
    SmallVector<Tensor> inputs = makeRandomInputs(model, 0, kind);
    FailureOr<SmallVector<Tensor>> expected = interpret(model, inputs);
    FailureOr<SmallVector<Tensor>> actual = interpret(local, inputs);
    if (failed(expected) || failed(actual))
      return "the interpreter fails: " + errors;
    std::string differences;
    for (const Comparison &comparison :
         compareResults(getResultNames(model), *expected, *actual, tolerance))
      if (!comparison.agrees)
        differences += comparison.name + " is off by " +
                       std::to_string(comparison.error) + "\n";
    return differences;
  }

  void checkAll(RandomProgram::Options options, TrainAttr train,
                RandomKind kind, double tolerance) {
    for (unsigned seed = 0; seed < getNumPrograms(); ++seed) {
      options.numOps = 4 + seed % 16;
      OwningOpRef<ModuleOp> program = RandomProgram(mesh, seed, options).make();
      if (train)
        (*program)->setAttr(FabricDialect::kTrainAttr, train);
      ASSERT_TRUE(succeeded(verify(*program))) << errors << print(*program);
      std::string problem = check(*program, kind, tolerance);
      ASSERT_EQ(problem, "") << "seed " << seed << "\n" << print(*program);
    }
    EXPECT_LE(numRefused, options.uneven ? getNumPrograms() / 2 : 0);
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string errors;
  unsigned numRefused = 0;
  dist::MeshAttr mesh;
};

TEST_P(ShardedPrograms, Forward) {
  checkAll({}, {}, RandomKind::Normal, 1e-10);
}

TEST_P(ShardedPrograms, WholeNumbers) {
  checkAll({.linear = true}, {}, RandomKind::SmallIntegers, 0.0);
}

TEST_P(ShardedPrograms, Gradients) {
  checkAll({.loss = true},
           TrainAttr::getDefault(&context, TrainMode::Gradients),
           RandomKind::Normal, 1e-10);
}

TEST_P(ShardedPrograms, TrainingStep) {
  checkAll({.loss = true}, TrainAttr::getDefault(&context, TrainMode::AdamW),
           RandomKind::Normal, 1e-10);
}

TEST_P(ShardedPrograms, UnevenWholeNumbers) {
  checkAll({.linear = true, .uneven = true}, {}, RandomKind::SmallIntegers,
           0.0);
}

TEST_P(ShardedPrograms, UnevenGradients) {
  checkAll({.loss = true, .uneven = true},
           TrainAttr::getDefault(&context, TrainMode::Gradients),
           RandomKind::Normal, 1e-10);
}

TEST_P(ShardedPrograms, UnevenTrainingStep) {
  checkAll({.loss = true, .uneven = true},
           TrainAttr::getDefault(&context, TrainMode::AdamW),
           RandomKind::Normal, 1e-10);
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, ShardedPrograms,
    ::testing::Values(Axes{{"dp", 1}, {"tp", 1}}, Axes{{"dp", 2}, {"tp", 2}},
                      Axes{{"dp", 4}, {"tp", 1}}, Axes{{"dp", 1}, {"tp", 4}},
                      Axes{{"dp", 2}, {"tp", 3}}, Axes{{"tp", 2}, {"dp", 3}},
                      Axes{{"dp", 4}, {"tp", 2}}, Axes{{"dp", 2}, {"tp", 4}},
                      Axes{{"dp", 8}}, Axes{{"tp", 6}},
                      Axes{{"dp", 2}, {"sp", 2}, {"tp", 2}},
                      Axes{{"a", 2}, {"b", 3}}));
} // namespace
