//===- fabric-check-values.cpp - Does a pipeline keep the values? ---------===//
//
// Interprets the model of every module in a file twice with the same random
// inputs, before and after a pass pipeline, and compares every result. Modules
// are separated by `// -----`. Several pipelines may be given.
//
//   fabric-check-values x.mlir --pipeline="shard-2d{dp=2 tp=2}"
//   fabric-check-values x.mlir --before=train --pipeline=shard-2d
//
//===----------------------------------------------------------------------===//

#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Registration.h"
#include "dialects/Dist/IR/Dist.h"
#include "dialects/Fabric/IR/Model.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/ToolUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;
namespace cl = llvm::cl;

static cl::opt<std::string> inputFile(cl::Positional, cl::desc("<file>"),
                                      cl::init("-"));
static cl::list<std::string>
    pipelines("pipeline", cl::desc("pass pipeline to check; may be repeated"),
              cl::OneOrMore);
static cl::opt<std::string>
    before("before", cl::desc("pass pipeline for the reference side, where the "
                              "one to check changes the signature"));
static cl::opt<bool>
    integers("integers",
             cl::desc("small whole numbers for inputs, and the same bits for "
                      "results"));
static cl::opt<uint64_t> seed("seed", cl::desc("seed of the inputs"),
                              cl::init(0));
static cl::opt<std::string>
    functionName("function",
                 cl::desc("function to run; default: the only public one"));
static cl::opt<double> tolerance("tolerance",
                                 cl::desc("largest relative error of a result"),
                                 cl::init(1e-12));

/// A copy of the module after a pipeline; null, after a diagnostic, if it
/// fails.
static OwningOpRef<ModuleOp> runPipeline(ModuleOp module, StringRef pipeline) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto pm = PassManager::on<ModuleOp>(module.getContext());
  if (failed(applyPassManagerCLOptions(pm)) ||
      failed(parsePassPipeline(pipeline, pm)) || failed(pm.run(*copy)))
    return nullptr;
  return copy;
}

static FailureOr<func::FuncOp> findFunction(ModuleOp module) {
  if (functionName.empty())
    return fabric::findModel(module);
  if (auto function = module.lookupSymbol<func::FuncOp>(functionName))
    return function;
  return module.emitOpError() << "has no function " << functionName;
}

static FailureOr<SmallVector<Tensor>> run(func::FuncOp model) {
  auto kind = integers ? RandomKind::SmallIntegers : RandomKind::Normal;
  return interpret(model, makeRandomInputs(model, seed, kind));
}

/// Prints a line a result; true if all agree.
static bool report(StringRef pipeline, func::FuncOp reference,
                   func::FuncOp checked, ArrayRef<Tensor> expected,
                   ArrayRef<Tensor> actual) {
  auto module = checked->getParentOfType<ModuleOp>();
  dist::MeshAttr mesh = dist::getMesh(module);
  bool partitioned = module->hasAttr(dist::DistDialect::kPartitionedAttr);
  int64_t devices = partitioned && mesh ? mesh.getNumRanks() : 1;
  llvm::outs() << '@' << checked.getSymName() << ", " << devices
               << (devices == 1 ? " device, " : " devices, ") << pipeline
               << '\n';
  SmallVector<std::string> names = getResultNames(reference);
  if (names != getResultNames(checked)) {
    llvm::outs() << "  results differ: expected [" << llvm::join(names, ", ")
                 << "], found [" << llvm::join(getResultNames(checked), ", ")
                 << "]; see --before\n";
    return false;
  }
  bool agrees = true;
  for (const Comparison &comparison :
       compareResults(names, expected, actual, integers ? 0.0 : tolerance)) {
    agrees &= comparison.agrees;
    llvm::outs() << "  " << llvm::left_justify(comparison.name, 40) << ' '
                 << llvm::format("%9.2e", comparison.error)
                 << (comparison.agrees ? "  ok" : "  DIFFERS") << '\n';
  }
  return agrees;
}

static LogicalResult check(ModuleOp module) {
  OwningOpRef<ModuleOp> reference = runPipeline(module, before);
  if (!reference)
    return failure();
  FailureOr<func::FuncOp> model = findFunction(*reference);
  if (failed(model))
    return failure();
  FailureOr<SmallVector<Tensor>> expected = run(*model);
  if (failed(expected))
    return failure();
  bool agrees = true;
  for (const std::string &pipeline : pipelines) {
    OwningOpRef<ModuleOp> result = runPipeline(module, pipeline);
    if (!result)
      return failure();
    FailureOr<func::FuncOp> checked = findFunction(*result);
    if (failed(checked))
      return failure();
    FailureOr<SmallVector<Tensor>> actual = run(*checked);
    if (failed(actual))
      return failure();
    agrees &= report(pipeline, *model, *checked, *expected, *actual);
  }
  return success(agrees);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  fabric::registerPasses();
  registerPassManagerCLOptions();
  cl::ParseCommandLineOptions(
      argc, argv, "Checks that a pipeline keeps a model's values\n");

  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(inputFile, &error);
  if (!file) {
    llvm::errs() << "fabric-check-values: error: " << error << '\n';
    return 1;
  }
  DialectRegistry registry;
  fabric::registerDialects(registry);
  auto process = [&](std::unique_ptr<llvm::MemoryBuffer> chunk,
                     raw_ostream &) -> LogicalResult {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(chunk), llvm::SMLoc());
    MLIRContext context(registry);
    SourceMgrDiagnosticHandler handler(sources, &context);
    OwningOpRef<ModuleOp> module =
        parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
    return success(module && succeeded(check(*module)));
  };
  bool ok = succeeded(splitAndProcessBuffer(std::move(file), process,
                                            llvm::outs(), "// -----"));
  return ok ? 0 : 1;
}
