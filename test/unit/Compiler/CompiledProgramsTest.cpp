//===- CompiledProgramsTest.cpp - Plans compute what programs say ---------===//
//
// Generated programs, compiled all the way and run on local ranks, against the
// reference interpreter on the unsharded program: fusion, products, memory
// plan, generated code and runtime, all at once, in f64. What a plan overwrites
// too early, reads too late or orders wrongly shows as a wrong number.
// `FABRIC_TEST_PROGRAMS=n` makes n programs a mesh.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/Compile.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Registration.h"
#include "compiler/Verify/Values.h"
#include "mlir/Parser/Parser.h"
#include "runtime/Executor/Session.h"
#include "test/unit/Passes/RandomProgram.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::fabric;
using interpreter::Comparison;
using interpreter::Tensor;
using mlir::fabric::test::RandomProgram;

namespace {
using Axes = std::vector<std::pair<std::string, int64_t>>;

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().printLargeElementsAttrWithHex(-1));
  return text;
}

class CompiledPrograms : public ::testing::TestWithParam<Axes> {
protected:
  CompiledPrograms() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
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
    return text ? std::atoi(text) : 8;
  }

  /// Whether a result is an argument as it was before the step: then that
  /// cannot be updated in place.
  static bool returnsArgument(ModuleOp program) {
    auto function = *program.getOps<func::FuncOp>().begin();
    Operation *terminator = function.getBody().front().getTerminator();
    return llvm::any_of(terminator->getOperands(), [](Value value) {
      while (auto op = value.getDefiningOp()) {
        if (!isa<ReshapeOp, dist::ConstraintOp>(op))
          return false;
        value = op->getOperand(0);
      }
      return true;
    });
  }

  /// Random data and parameters; states and scalars as the first step has them.
  static SmallVector<Tensor> makeInputs(func::FuncOp step) {
    SmallVector<Tensor> inputs = interpreter::makeRandomInputs(step, 0);
    for (unsigned i = 0; i < step.getNumArguments(); ++i) {
      if (step.getArgAttr(i, FabricDialect::kStateAttr))
        inputs[i] = Tensor(inputs[i].shape, Tensor::Kind::Float);
      auto scalar =
          step.getArgAttrOfType<ScalarAttr>(i, FabricDialect::kScalarAttr);
      if (scalar && scalar.getName() == "step")
        inputs[i] = Tensor::scalar(1.0);
    }
    return inputs;
  }

  /// In the element type of the program.
  static ::fabric::runtime::HostTensor toHost(const Tensor &tensor, Type type) {
    auto wide = toHostTensor(tensor, cast<RankedTensorType>(type));
    if (!getElementTypeOrSelf(type).isF32())
      return wide;
    auto narrow = ::fabric::runtime::HostTensor::zeros(
        ::fabric::plan::DType::F32, wide.shape);
    std::copy_n(wide.data<double>(), wide.numElements(), narrow.data<float>());
    return narrow;
  }

  /// Named results, then new parameters, as the interpreter has them and as the
  /// plan has them. An empty string if they agree.
  std::string check(ModuleOp program, StringRef memory, double tolerance) {
    OwningOpRef<ModuleOp> trained = program.clone();
    CompileOptions options;
    options.memory = memory.str();
    if (failed(runPhases(*trained, options, Phase::Train)))
      return "train fails: " + errors;
    auto step = *trained->getOps<func::FuncOp>().begin();
    SmallVector<Tensor> inputs = makeInputs(step);
    auto results = interpreter::interpret(step, inputs);
    if (failed(results))
      return "the interpreter fails: " + errors;

    ::fabric::runtime::RunInputs run;
    run.inputs.emplace_back();
    for (unsigned i = 0; i < step.getNumArguments(); ++i) {
      auto tensor = toHost(inputs[i], step.getArgumentTypes()[i]);
      if (auto input =
              step.getArgAttrOfType<InputAttr>(i, FabricDialect::kInputAttr))
        run.inputs[0][input.getName().str()] = tensor;
      if (auto param =
              step.getArgAttrOfType<ParamAttr>(i, FabricDialect::kParamAttr))
        run.parameters[param.getName().str()] = tensor;
    }

    OwningOpRef<ModuleOp> compiling = program.clone();
    auto compiled = compilePlan(*compiling, "", options);
    if (failed(compiled))
      return "compiling fails: " + errors;
    for (const auto &instruction : compiled->plan.instructions)
      if (std::holds_alternative<::fabric::plan::Copy>(instruction.op))
        return "the plan has copies";
    auto outputs = ::fabric::runtime::runLocal(compiled->plan, run);
    if (outputs.failed())
      return "the run fails: " + outputs.message();

    SmallVector<std::string> names;
    SmallVector<Tensor> expected, actual;
    for (unsigned i = 0; i < step.getNumResults(); ++i) {
      auto name =
          step.getResultAttrOfType<StringAttr>(i, FabricDialect::kResultAttr);
      auto target = step.getResultAttrOfType<IntegerAttr>(
          i, FabricDialect::kUpdateOfAttr);
      auto param = target ? step.getArgAttrOfType<ParamAttr>(
                                target.getInt(), FabricDialect::kParamAttr)
                          : ParamAttr();
      if (!name && !param)
        continue;
      names.push_back(name ? name.str() : param.getName().str());
      expected.push_back((*results)[i]);
      actual.push_back(
          fromHostTensor(name ? outputs->outputs[0].at(names.back())
                              : outputs->parameters.at(names.back())));
    }
    std::string differences;
    for (const Comparison &comparison :
         interpreter::compareResults(names, expected, actual, tolerance))
      if (!comparison.agrees)
        differences += comparison.name + " is off by " +
                       std::to_string(comparison.error) + "\n";
    return differences;
  }

  /// The program with another float type: programs are generated in f64.
  OwningOpRef<ModuleOp> inType(ModuleOp program, StringRef type) {
    std::string text = print(program);
    for (size_t at = 0; (at = text.find("f64", at)) != std::string::npos;)
      text.replace(at, 3, type);
    return parseSourceString<ModuleOp>(text, &context);
  }

  void checkAll(RandomProgram::Options options, TrainAttr train,
                StringRef memory, StringRef type = "f64",
                double tolerance = 1e-9) {
    for (unsigned seed = 0; seed < getNumPrograms(); ++seed) {
      options.numOps = 4 + seed % 20;
      // Not the programs that the sharding tests have.
      OwningOpRef<ModuleOp> program =
          RandomProgram(mesh, 1000 + seed, options).make();
      if (train && train.getMode() == TrainMode::AdamW &&
          returnsArgument(*program))
        continue;
      if (train)
        (*program)->setAttr(FabricDialect::kTrainAttr, train);
      if (type != "f64")
        program = inType(*program, type);
      ASSERT_TRUE(program);
      std::string problem = check(*program, memory, tolerance);
      ASSERT_EQ(problem, "") << "seed " << seed << "\n" << print(*program);
    }
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string errors;
  dist::MeshAttr mesh;
};

TEST_P(CompiledPrograms, Forward) { checkAll({.layers = true}, {}, "fast"); }

TEST_P(CompiledPrograms, Gradients) {
  checkAll({.loss = true, .layers = true},
           TrainAttr::getDefault(&context, TrainMode::Gradients), "fast");
}

TEST_P(CompiledPrograms, TrainingStepInLittleMemory) {
  checkAll({.loss = true, .layers = true},
           TrainAttr::getDefault(&context, TrainMode::AdamW), "min");
}

// Products of f32 are another library's than those of f64.
TEST_P(CompiledPrograms, GradientsInF32) {
  checkAll({.loss = true, .layers = true},
           TrainAttr::getDefault(&context, TrainMode::Gradients), "fast", "f32",
           1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, CompiledPrograms,
    ::testing::Values(Axes{{"dp", 1}, {"tp", 1}}, Axes{{"dp", 2}, {"tp", 2}},
                      Axes{{"dp", 4}, {"tp", 1}}, Axes{{"tp", 2}, {"dp", 3}},
                      Axes{{"dp", 2}, {"tp", 4}}, Axes{{"a", 2}, {"b", 3}}));
} // namespace
