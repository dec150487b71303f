//===- OptCommand.cpp - What fabric-opt does ------------------------------===//
//
// MLIR's opt tool makes its own context and installs its own handler, which
// prints an excerpt of the source below each diagnostic. Ours can come after it
// only once the pass manager is set up. What is wrong before that, in the text
// itself, is found by parsing it once more, in a context of our own.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/OptCommand.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/ReadModel.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/ParseUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::fabric;

static constexpr StringLiteral kTool = "fabric-opt";

namespace {

/// Diagnostics are lines while a pass manager lives.
struct LineInstrumentation : PassInstrumentation {
  LineInstrumentation(MLIRContext *context, ShownDiagnostics shown)
      : lines(context, kTool, shown) {}
  LineDiagnostics lines;
};

/// The options of the command line, of one chunk whose text has been read: what
/// MLIR's own handler would say of that text has been said.
struct LineConfig : MlirOptMainConfig {
  LineConfig(const MlirOptMainConfig &options, ShownDiagnostics shown)
      : MlirOptMainConfig(options) {
    splitInputFile("");
    diagnosticVerbosityLevelFlag = VerbosityLevel::ErrorsOnly;
    setPassPipelineSetupFn([&options, shown](PassManager &pm) {
      pm.addInstrumentation(
          std::make_unique<LineInstrumentation>(pm.getContext(), shown));
      return options.setupPassPipeline(pm);
    });
  }
};

} // namespace

/// Whether the text is a module, as MLIR's tool will read it.
static LogicalResult readText(const llvm::MemoryBuffer &text,
                              DialectRegistry &registry,
                              const MlirOptMainConfig &options,
                              ShownDiagnostics shown) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.allowUnregisteredDialects(options.shouldAllowUnregisteredDialects());
  LineDiagnostics lines(&context, kTool, shown);
  if (failed(checkText(&context, text)))
    return failure();
  // Dialects that another file defines are not known here.
  if (!options.getIrdlFile().empty())
    return success();
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(text.getMemBufferRef()), SMLoc());
  FallbackAsmResourceMap resources;
  ParserConfig parser(&context, options.shouldVerifyOnParsing(), &resources);
  return success(bool(parseSourceFileForTool(
      sources, parser, !options.shouldUseExplicitModule())));
}

static LogicalResult runOnFile(std::unique_ptr<llvm::MemoryBuffer> file,
                               raw_ostream &os, DialectRegistry &registry,
                               const MlirOptMainConfig &options) {
  if (options.shouldVerifyDiagnostics())
    return MlirOptMain(os, std::move(file), registry, options);
  VerbosityLevel level = options.getDiagnosticVerbosityLevel();
  ShownDiagnostics shown;
  shown.warnings = level != VerbosityLevel::ErrorsOnly;
  shown.remarks = level == VerbosityLevel::ErrorsWarningsAndRemarks;
  shown.notes = options.shouldShowNotes();
  LineConfig config(options, shown);
  auto runOnChunk = [&](std::unique_ptr<llvm::MemoryBuffer> chunk,
                        raw_ostream &os) {
    if (failed(readText(*chunk, registry, options, shown)))
      return failure();
    return MlirOptMain(os, std::move(chunk), registry, config);
  };
  return splitAndProcessBuffer(std::move(file), runOnChunk, os,
                               options.inputSplitMarker(),
                               options.outputSplitMarker());
}

/// Says what is wrong with the options of a pass or a pipeline that has a flag,
/// with its name: MLIR's tool would say it without, and where nobody looks.
static LogicalResult checkPassOptions(ArrayRef<const char *> arguments) {
  for (StringRef argument : arguments) {
    if (!argument.consume_front("-"))
      continue;
    argument.consume_front("-");
    auto [name, text] = argument.split('=');
    const PassRegistryEntry *entry = PassPipelineInfo::lookup(name);
    if (!entry)
      entry = PassInfo::lookup(name);
    if (!entry)
      continue;
    OpPassManager pm(ModuleOp::getOperationName(),
                     OpPassManager::Nesting::Implicit);
    std::string wrong;
    auto keep = [&](const Twine &message) {
      wrong = message.str();
      return failure();
    };
    if (succeeded(entry->addToPipeline(pm, text, keep)))
      continue;
    StringRef message = StringRef(wrong).trim();
    message.consume_front("<Pass-Options-Parser>: ");
    // Of what is no number and the like, LLVM's parser has spoken.
    if (!message.empty())
      printError(kTool, "--" + name + ": " + message);
    return failure();
  }
  return success();
}

int mlir::fabric::runOpt(int argc, char **argv, DialectRegistry &registry) {
  llvm::InitLLVM init(argc, argv);
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "Fabric's optimizer and partitioner\n", registry);
  MlirOptMainConfig options = MlirOptMainConfig::createFromCLOptions();
  if (options.shouldShowDialects() || options.shouldListPasses())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  if (failed(checkPassOptions(ArrayRef(argv, argc).drop_front())))
    return EXIT_FAILURE;
  if (input == "-" &&
      llvm::sys::Process::FileDescriptorIsDisplayed(fileno(stdin)))
    llvm::errs() << "(reads a module from the terminal: ends with ctrl-d)\n";
  std::string wrong;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &wrong);
  std::unique_ptr<llvm::ToolOutputFile> result;
  if (file)
    result = openOutputFile(output, &wrong);
  if (!result) {
    printError(kTool, wrong);
    return EXIT_FAILURE;
  }
  if (failed(runOnFile(std::move(file), result->os(), registry, options)))
    return EXIT_FAILURE;
  result->keep();
  return EXIT_SUCCESS;
}
