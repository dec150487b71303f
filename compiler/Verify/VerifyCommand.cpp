//===- VerifyCommand.cpp - What fabric-verify does ------------------------===//

#include "compiler/Verify/VerifyCommand.h"
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/ReadModel.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Registration.h"
#include "compiler/Verify/FirstDifference.h"
#include "compiler/Verify/PromoteToF64.h"
#include "compiler/Verify/Values.h"
#include "compiler/Verify/VerifyHooked.h"
#include "dialects/Fabric/IR/Model.h"
#include "runtime/Executor/Session.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fabric;
using interpreter::Comparison;
using interpreter::Tensor;

static constexpr StringLiteral kTool = "fabric-verify";

namespace {
/// One model, its values, and what they should give.
class Verifier {
public:
  Verifier(const VerifyCommand &command, const PhaseHook &afterPhase)
      : command(command), afterPhase(afterPhase) {}

  LogicalResult readModel(MLIRContext *context);
  LogicalResult interpretUnsharded();
  FailureOr<SmallVector<Comparison>> verifyMesh(MeshSize mesh);
  LogicalResult explain(MeshSize mesh);
  ArrayRef<std::string> getNames() const { return names; }

private:
  CompileOptions makeOptions(MeshSize mesh = {}) const;

  const VerifyCommand &command;
  const PhaseHook &afterPhase;
  std::string text;
  OwningOpRef<ModuleOp> module; ///< In f64.
  SmallVector<Tensor> values;
  SmallVector<std::string> names; ///< Of the results that are compared.
  SmallVector<Tensor> expected;
};
} // namespace

/// Whether there is a loss to differentiate: a named float result of rank 0.
static bool hasLoss(func::FuncOp model) {
  for (unsigned i = 0; i < model.getNumResults(); ++i) {
    auto type = dyn_cast<RankedTensorType>(model.getResultTypes()[i]);
    if (type && type.getRank() == 0 && isa<FloatType>(type.getElementType()) &&
        model.getResultAttr(i, FabricDialect::kResultAttr))
      return true;
  }
  return false;
}

static bool hasTrainableParameter(func::FuncOp model) {
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    auto param =
        model.getArgAttrOfType<ParamAttr>(i, FabricDialect::kParamAttr);
    if (param && !param.getFrozen())
      return true;
  }
  return false;
}

CompileOptions Verifier::makeOptions(MeshSize mesh) const {
  CompileOptions options;
  options.dp = mesh.dp;
  options.tp = mesh.tp;
  options.afterPhase = afterPhase;
  options.tpPlan = command.tpPlan;
  options.memory = command.memory;
  options.comm.sharedMemory = command.sharedMemory;
  options.overlap = command.overlap;
  options.joinProducts = command.joinProducts;
  options.fsdp = command.fsdpAuto ? FsdpChoice::Auto : FsdpChoice::Gather;
  return options;
}

LogicalResult Verifier::readModel(MLIRContext *context) {
  FailureOr<Model> model = mlir::fabric::readModel(context, command.model);
  if (failed(model))
    return failure();
  text = model->text;
  module = std::move(model->module);
  func::FuncOp function = *findModel(*module);
  auto drawn = makeModelValues(function, command);
  if (failed(drawn))
    return failure();
  values = std::move(*drawn);
  promoteToF64(*module);
  (*module)->removeAttr(FabricDialect::kTrainAttr);
  if (hasLoss(function) && hasTrainableParameter(function))
    (*module)->setAttr(FabricDialect::kTrainAttr,
                       TrainAttr::getDefault(context, TrainMode::Gradients));
  return success();
}

LogicalResult Verifier::interpretUnsharded() {
  OwningOpRef<ModuleOp> reference = module->clone();
  if (failed(runPhases(*reference, makeOptions(), Phase::Train)))
    return failure();
  func::FuncOp function = *findModel(*reference);
  auto results = interpreter::interpret(function, values);
  if (failed(results))
    return failure();
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name =
        function.getResultAttrOfType<StringAttr>(i, FabricDialect::kResultAttr);
    if (!name)
      continue;
    names.push_back(name.str());
    expected.push_back(std::move((*results)[i]));
  }
  if (names.empty())
    return function.emitError() << "the model has no named result";
  return success();
}

FailureOr<SmallVector<Comparison>> Verifier::verifyMesh(MeshSize mesh) {
  OwningOpRef<ModuleOp> program = module->clone();
  ::fabric::runtime::RunInputs inputs =
      makeRunInputs(*findModel(*program), values);
  FailureOr<CompiledPlan> compiled =
      compilePlan(*program, text, makeOptions(mesh));
  if (failed(compiled))
    return failure();
  auto run = ::fabric::runtime::runLocal(compiled->plan, inputs);
  if (run.failed())
    return module->emitError() << run.message();

  SmallVector<Tensor> actual;
  for (const std::string &name : names) {
    auto found = run->outputs.front().find(name);
    if (found == run->outputs.front().end())
      return module->emitError() << "the plan has no result " << name;
    actual.push_back(fromHostTensor(found->second));
  }
  return interpreter::compareResults(names, expected, actual,
                                     command.tolerance);
}

/// "grad.w1   1.2e-16   3.1e-16": a row a result, a column a mesh.
static void printTable(const VerifyCommand &command,
                       ArrayRef<std::string> names,
                       ArrayRef<SmallVector<Comparison>> columns) {
  llvm::raw_ostream &os = llvm::outs();
  size_t width = 8;
  for (const std::string &name : names)
    width = std::max(width, name.size());
  os << llvm::left_justify("dp x tp", width);
  for (MeshSize mesh : command.meshes)
    os << "  "
       << llvm::right_justify((Twine(mesh.dp) + " x " + Twine(mesh.tp)).str(),
                              10);
  os << '\n';
  for (auto [row, name] : llvm::enumerate(names)) {
    os << llvm::left_justify(name, width);
    for (ArrayRef<Comparison> column : columns)
      os << "  "
         << (column.empty() ? std::string("    failed")
                            : llvm::formatv("{0,9:e1}{1}", column[row].error,
                                            column[row].agrees ? " " : "!")
                                  .str());
    os << '\n';
  }
}

/// Says what went wrong on the mesh.
LogicalResult Verifier::explain(MeshSize mesh) {
  FailureOr<std::string> difference = findFirstDifference(
      *module, values, makeOptions(mesh), command.tolerance);
  if (failed(difference))
    return failure();
  printError(kTool, "mesh " + Twine(mesh.dp) + " x " + Twine(mesh.tp) + ": " +
                        *difference);
  return success();
}

int mlir::fabric::runVerify(const VerifyCommand &command) {
  return runVerify(command, PhaseHook());
}

int mlir::fabric::runVerify(const VerifyCommand &command,
                            const PhaseHook &afterPhase) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  LineDiagnostics diagnostics(&context, kTool, {.remarks = false});

  Verifier verifier(command, afterPhase);
  if (failed(verifier.readModel(&context)) ||
      failed(verifier.interpretUnsharded()))
    return 1;
  SmallVector<SmallVector<Comparison>> columns;
  int64_t wrong = 0, failures = 0;
  for (MeshSize mesh : command.meshes) {
    FailureOr<SmallVector<Comparison>> column = verifier.verifyMesh(mesh);
    failures += failed(column);
    columns.push_back(succeeded(column) ? std::move(*column)
                                        : SmallVector<Comparison>());
    wrong += llvm::count_if(columns.back(),
                            [](const Comparison &c) { return !c.agrees; });
  }
  printTable(command, verifier.getNames(), columns);
  for (auto [mesh, column] : llvm::zip_equal(command.meshes, columns))
    if (!llvm::all_of(column, [](const Comparison &c) { return c.agrees; }) &&
        failed(verifier.explain(mesh)))
      return 1;
  if (wrong || failures) {
    printError(kTool, Twine(wrong) + " results differ by more than " +
                          llvm::formatv("{0:e1}", command.tolerance).str() +
                          ", " + Twine(failures) + " meshes failed");
    return 1;
  }
  llvm::outs() << "all " << verifier.getNames().size()
               << " results agree on all " << command.meshes.size()
               << " meshes within "
               << llvm::formatv("{0:e1}", command.tolerance).str() << '\n';
  return 0;
}
