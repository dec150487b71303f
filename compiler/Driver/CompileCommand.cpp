//===- CompileCommand.cpp - What fabric-compile does ----------------------===//

#include "compiler/Driver/CompileCommand.h"
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/ReadModel.h"
#include "compiler/Registration.h"
#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::fabric;

static constexpr StringLiteral kTool = "fabric-compile";

/// The options' numbers over PyTorch's defaults.
static TrainAttr makeTrainAttr(MLIRContext *context,
                               const CompileCommand &command) {
  TrainMode mode = *symbolizeTrainMode(*command.train);
  TrainAttr defaults = TrainAttr::getDefault(context, mode);
  auto number = [&](std::optional<double> given, FloatAttr otherwise) {
    return given ? FloatAttr::get(Float64Type::get(context), *given)
                 : otherwise;
  };
  return TrainAttr::get(context, mode, number(command.lr, defaults.getLr()),
                        number(command.weightDecay, defaults.getWeightDecay()),
                        number(command.beta1, defaults.getBeta1()),
                        number(command.beta2, defaults.getBeta2()),
                        number(command.eps, defaults.getEps()));
}

static std::optional<Phase> parsePhase(StringRef name) {
  return llvm::StringSwitch<std::optional<Phase>>(name)
      .Case("import", Phase::Import)
      .Case("train", Phase::Train)
      .Case("shard", Phase::Shard)
      .Case("partition", Phase::Partition)
      .Case("schedule", Phase::Schedule)
      .Case("lower", Phase::Lower)
      .Default(std::nullopt);
}

/// Prints the IR, with locations that lead to the model's lines, to the output
/// or, without one, to standard output.
static LogicalResult printModule(ModuleOp module, StringRef output) {
  std::string error;
  auto print = [&](raw_ostream &os) {
    module->print(os, OpPrintingFlags().enableDebugInfo(!output.empty()));
  };
  if (output.empty()) {
    print(llvm::outs());
    return success();
  }
  std::error_code code;
  llvm::ToolOutputFile file(output, code, llvm::sys::fs::OF_Text);
  if (code) {
    printError(kTool, "cannot write " + output + ": " + code.message());
    return failure();
  }
  print(file.os());
  file.keep();
  return success();
}

static LogicalResult writeReport(const CompiledPlan &compiled, StringRef path) {
  if (path.empty()) {
    printReport(compiled.plan, compiled.facts, llvm::outs());
    return success();
  }
  std::error_code code;
  llvm::ToolOutputFile file(path, code, llvm::sys::fs::OF_Text);
  if (code) {
    printError(kTool, "cannot write " + path + ": " + code.message());
    return failure();
  }
  printReportJson(compiled.plan, compiled.facts, file.os());
  file.keep();
  return success();
}

int mlir::fabric::runCompile(const CompileCommand &command) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  LineDiagnostics diagnostics(&context, kTool, command.showRemarks);

  FailureOr<Model> model = readModel(&context, command.model);
  if (failed(model))
    return 1;

  CompileOptions options;
  options.dp = command.dp;
  options.tp = command.tp;
  options.tpPlan = command.tpPlan;
  options.memory = command.memory;
  options.target.cpu = command.cpu;
  if (command.train)
    options.train = makeTrainAttr(&context, command);

  if (command.emit && *command.emit != "plan") {
    if (failed(runPhases(*model->module, options, *parsePhase(*command.emit))))
      return 1;
    return failed(printModule(*model->module, command.output));
  }

  FailureOr<CompiledPlan> compiled =
      compilePlan(*model->module, model->text, options);
  if (failed(compiled))
    return 1;
  if (command.emit)
    llvm::outs() << ::fabric::plan::describePlan(compiled->plan);
  if (!command.output.empty()) {
    ::fabric::Status status =
        ::fabric::plan::writePlanFile(compiled->plan, command.output);
    if (status.failed()) {
      printError(kTool, status.message());
      return 1;
    }
  }
  if (command.report && failed(writeReport(*compiled, *command.report)))
    return 1;
  return 0;
}
