//===- Check.cpp - A program against what is made of it -------------------===//

#include "test/generate/Check.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Pipelines.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Partition/Passes.h"
#include "passes/Sharding/Passes.h"
#include "test/generate/CollectErrors.h"
#include "test/generate/Generate.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using namespace mlir::fabric::interpreter;
using Status = Outcome::Status;

std::string Outcome::describe() const {
  static constexpr StringLiteral words[] = {"agrees", "is refused", "fails",
                                            "differs"};
  return phase + " " + words[static_cast<int>(status)].str() +
         (message.empty() ? "" : ": " + message);
}

Outcome Outcome::fromErrors(StringRef phase, std::string errors) {
  static constexpr StringLiteral refusals[] = {
      "it cannot be padded", "is padded, and then not divided by"};
  bool isRefusal = llvm::any_of(refusals, [&](StringRef text) {
    return StringRef(errors).contains(text);
  });
  return {isRefusal ? Status::Refused : Status::Fails, phase.str(),
          std::move(errors)};
}

std::string Outcome::getSignature() const {
  std::string signature =
      phase + std::to_string(static_cast<int>(status)) + ":";
  if (status == Status::Differs)
    return signature;
  // The first words, up to what quotes values or types.
  for (char c : StringRef(message).take_until(
           [](char c) { return c == '\n' || c == '<' || c == '{'; }))
    if (!llvm::isDigit(c))
      signature += c;
  return signature;
}

namespace {
/// A phase of the compiler, and what says that it is done.
struct PhaseSteps {
  StringLiteral name;
  std::function<void(OpPassManager &)> build;
  std::function<void(OpPassManager &)> verify;
};

using Results = SmallVector<Tensor>;
} // namespace

static SmallVector<PhaseSteps> getPhases(const CheckOptions &options) {
  std::string memory = options.memory;
  bool fsdpAuto = options.fsdpAuto, overlap = options.overlap;
  auto nothing = [](OpPassManager &) {};
  SmallVector<PhaseSteps> phases;
  std::string paramDtype = options.paramDtype;
  std::string reduceDtype = options.reduceDtype;
  phases.push_back({"train",
                    [=](OpPassManager &pm) {
                      TrainOptions options;
                      options.paramDtype = paramDtype;
                      options.reduceDtype = reduceDtype;
                      buildTrainPipeline(pm, options);
                    },
                    nothing});
  phases.push_back({"shard",
                    [fsdpAuto](OpPassManager &pm) {
                      ShardOptions options;
                      options.fsdp =
                          fsdpAuto ? FsdpChoice::Auto : FsdpChoice::Gather;
                      buildShardPipeline(pm, options);
                    },
                    [](OpPassManager &pm) {
                      pm.addPass(sharding::createVerifyShardedPass());
                    }});
  auto verifyPartitioned = [](OpPassManager &pm) {
    pm.addPass(partition::createVerifyPartitionedPass());
  };
  phases.push_back({"partition", buildPartitionPipeline, verifyPartitioned});
  phases.push_back({"schedule",
                    [memory, overlap](OpPassManager &pm) {
                      ScheduleOptions options;
                      options.memory = memory;
                      options.overlap = overlap;
                      buildSchedulePipeline(pm, options);
                    },
                    verifyPartitioned});
  if (!options.lower)
    return phases;
  phases.push_back({"lower",
                    [sharedMemory = options.sharedMemory,
                     joinProducts = options.joinProducts](OpPassManager &pm) {
                      LowerOptions options;
                      options.sharedMemory = sharedMemory;
                      options.joinProducts = joinProducts;
                      options.minPiece = 1;
                      buildLowerPipeline(pm, options);
                    },
                    nothing});
  return phases;
}

static LogicalResult runPasses(ModuleOp module,
                               function_ref<void(OpPassManager &)> build) {
  auto pm = PassManager::on<ModuleOp>(module.getContext());
  build(pm);
  return pm.run(module);
}

static func::FuncOp modelOf(ModuleOp module) {
  return *module.getOps<func::FuncOp>().begin();
}

static FailureOr<Results> run(ModuleOp module, const CheckOptions &options) {
  func::FuncOp model = modelOf(module);
  auto kind = options.whole ? RandomKind::SmallIntegers : RandomKind::Normal;
  return interpret(model, makeRandomInputs(model, 0, kind));
}

/// A line for each result that is off.
static std::string compare(ArrayRef<std::string> names,
                           ArrayRef<Tensor> expected, ArrayRef<Tensor> actual,
                           double tolerance) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const Comparison &comparison :
       compareResults(names, expected, actual, tolerance))
    if (!comparison.agrees)
      os << comparison.name << " is off by " << comparison.error << "\n";
  return text;
}

/// The named results of the program are the first of a step made of it, apart
/// from what the optimizer replaces.
static std::string compareWithStep(ModuleOp program, ArrayRef<Tensor> expected,
                                   ModuleOp step, ArrayRef<Tensor> actual,
                                   double tolerance) {
  SmallVector<std::string> names = getResultNames(modelOf(program));
  SmallVector<std::string> stepNames = getResultNames(modelOf(step));
  Results same;
  for (const std::string &name : names) {
    auto *found = llvm::find(stepNames, name);
    if (found == stepNames.end())
      return name + " is no result of the step\n";
    same.push_back(actual[found - stepNames.begin()]);
  }
  return compare(names, expected, same, tolerance);
}

Outcome mlir::fabric::generate::checkPhases(ModuleOp program,
                                            const CheckOptions &options) {
  CollectErrors errors(program.getContext());
  double tolerance = options.whole ? 0.0 : options.tolerance;
  FailureOr<Results> before = run(program, options);
  if (failed(before))
    return {Status::Fails, "import", errors.take()};
  OwningOpRef<ModuleOp> module = program.clone();
  SmallVector<std::string> names;
  for (const PhaseSteps &phase : getPhases(options)) {
    std::string name = phase.name.str();
    OwningOpRef<ModuleOp> again;
    if (name == "shard")
      again = module->clone();
    if (failed(runPasses(*module, phase.build)))
      return Outcome::fromErrors(name, errors.take());
    if (again && (failed(runPasses(*again, phase.build)) ||
                  print(*again) != print(*module)))
      return {Status::Fails, name, "two runs make two different modules"};
    if (options.fault) {
      options.fault(name, *module);
      if (failed(mlir::verify(*module)) ||
          failed(runPasses(*module, phase.verify)))
        return {Status::Fails, name, errors.take()};
    }
    FailureOr<Results> after = run(*module, options);
    if (failed(after))
      return {Status::Fails, name, "cannot be interpreted: " + errors.take()};
    std::string difference;
    if (names.empty())
      difference =
          compareWithStep(program, *before, *module, *after, tolerance);
    else if (names != getResultNames(modelOf(*module)))
      difference = "other results than before the phase\n";
    else
      difference = compare(names, *before, *after, tolerance);
    if (!difference.empty())
      return {Status::Differs, name, difference};
    // Errors do not add up over phases: after train, all is compared with it.
    if (names.empty()) {
      names = getResultNames(modelOf(*module));
      before = std::move(after);
    }
  }
  return {};
}
