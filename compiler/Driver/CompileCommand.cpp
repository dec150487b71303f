//===- CompileCommand.cpp - What fabric-compile does ----------------------===//

#include "compiler/Driver/CompileCommand.h"
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/ReadModel.h"
#include "compiler/Registration.h"
#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanWriter.h"
#include "runtime/Support/File.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;
using ::fabric::AtomicFile;
using ::fabric::Status;

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

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

namespace {
/// The files that were asked for: opened before any work, so that a path that
/// cannot be written costs none, and there only when all of it is done.
struct Outputs {
  std::optional<AtomicFile> main, report;

  Status open(const CompileCommand &command) {
    FABRIC_RETURN_IF_ERROR(open(command.output, main));
    return open(command.report.value_or(""), report);
  }
  Status commit() {
    for (std::optional<AtomicFile> *file : {&main, &report})
      if (*file)
        FABRIC_RETURN_IF_ERROR((*file)->commit());
    return Status::success();
  }

private:
  static Status open(const std::string &path, std::optional<AtomicFile> &file) {
    if (path.empty())
      return Status::success();
    FABRIC_ASSIGN_OR_RETURN(AtomicFile opened, AtomicFile::create(path));
    file.emplace(std::move(opened));
    return Status::success();
  }
};
} // namespace

/// What `print` says, to the file or, without one, to standard output.
static Status write(std::optional<AtomicFile> &file,
                    function_ref<void(raw_ostream &)> print) {
  if (!file) {
    print(llvm::outs());
    return Status::success();
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  print(stream);
  return file->file().writeAt(0, std::as_bytes(std::span(text)));
}

/// Prints the IR; in a file with locations that lead to the model's lines.
static Status writeModule(ModuleOp module, Outputs &outputs) {
  return write(outputs.main, [&](raw_ostream &os) {
    module->print(os, OpPrintingFlags()
                          .enableDebugInfo(bool(outputs.main))
                          .printNameLocAsPrefix());
  });
}

static Status writePlan(const CompiledPlan &compiled,
                        const CompileCommand &command, Outputs &outputs) {
  // Verifies the plan, also where only a report is wanted.
  FABRIC_ASSIGN_OR_RETURN(auto bytes, plan::writePlan(compiled.plan));
  if (command.emit == "code")
    return write(outputs.main, [&](raw_ostream &os) {
      if (auto code = compiled.plan.sections.find("code");
          code != compiled.plan.sections.end())
        os.write(reinterpret_cast<const char *>(code->second.data()),
                 code->second.size());
    });
  if (outputs.main)
    FABRIC_RETURN_IF_ERROR(outputs.main->file().writeAt(0, bytes));
  if (command.emit)
    llvm::outs() << plan::describePlan(compiled.plan);
  if (!command.report)
    return Status::success();
  return write(outputs.report, [&](raw_ostream &os) {
    if (outputs.report)
      printReportJson(compiled.plan, compiled.facts, os);
    else
      printReport(compiled.plan, compiled.facts, os);
  });
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

/// What code for all GPUs that can run any is made for.
static constexpr StringLiteral kAnyGpu = "sm_80";

static Status readTarget(const CompileCommand &command,
                         lowering::KernelTarget &target) {
  auto [kind, name] = StringRef(command.target).split(':');
  if (kind == "cuda")
    target.gpu = name.empty() ? kAnyGpu.str() : name.str();
  else if (!name.empty())
    target.cpu = name;
  if (llvm::Error error = lowering::checkTarget(target))
    return Status::error("--target=", command.target, ": ",
                         llvm::toString(std::move(error)));
  return Status::success();
}

int mlir::fabric::runCompile(const CompileCommand &command) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  LineDiagnostics diagnostics(&context, kTool,
                              {.remarks = command.showRemarks});
  auto isError = [](const Status &status) {
    if (status.failed())
      printError(kTool, status.message());
    return status.failed();
  };

  FailureOr<Model> model = readModel(&context, command.model);
  if (failed(model))
    return 1;

  CompileOptions options;
  options.dp = command.dp;
  options.tp = command.tp;
  options.tpPlan = command.tpPlan;
  options.paramDtype = command.paramDtype;
  options.reduceDtype = command.reduceDtype;
  options.memory = command.memory;
  options.comm.sharedMemory = command.sharedMemory;
  options.joinProducts = command.joinProducts;
  options.tf32 = command.tf32;
  options.fsdp = command.fsdpAuto ? FsdpChoice::Auto : FsdpChoice::Gather;
  if (command.train)
    options.train = makeTrainAttr(&context, command);
  Outputs outputs;
  if (isError(readTarget(command, options.target)) ||
      isError(outputs.open(command)))
    return 1;
  // On a cpu nothing is gained: a core that communicates does not compute.
  bool gains = !options.target.gpu.empty() && !command.sharedMemory;
  options.overlap = command.overlap.value_or(gains);

  Status written = Status::success();
  if (command.emit && *command.emit != "plan" && *command.emit != "code") {
    if (failed(runPhases(*model->module, options, *parsePhase(*command.emit))))
      return 1;
    written = writeModule(*model->module, outputs);
  } else {
    auto compiled = compilePlan(*model->module, model->text, options);
    if (failed(compiled))
      return 1;
    written = writePlan(*compiled, command, outputs);
  }
  return isError(written) || isError(outputs.commit());
}
