//===- fabric-mutate.cpp - The compiler on modules that are not valid -----===//
//
//   fabric-mutate --runs=200 test/models/feedforward.mlir ...
//
// Every run mutates one of the files by its seed and compiles it, or runs one
// phase or canonicalization on it, in a process of its own. The outcome must be
// success, or failure with an error: a signal, 20 s, 4 GiB, or failure without
// an error are findings. The texts of findings are kept in --keep. With
// --split, files are cut at "// -----" first, and run as they are, too.
//
//===----------------------------------------------------------------------===//

#include "Mutator.h"
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/ReadModel.h"
#include "compiler/Pipelines.h"
#include "compiler/Registration.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::fabric;

namespace cl = llvm::cl;
static cl::list<std::string> files(cl::Positional, cl::OneOrMore,
                                   cl::desc("files"));
static cl::opt<uint64_t> runs("runs", cl::init(100), cl::desc("how many"));
static cl::opt<uint64_t> firstSeed("seed", cl::init(1),
                                   cl::desc("seed of the first run"));
static cl::opt<std::string> keep("keep", cl::desc("folder for findings"));
static cl::opt<bool> split("split", cl::desc("also run chunks as they are"));
static cl::opt<bool> show("show", cl::desc("print each run's diagnostics"));

//===----------------------------------------------------------------------===//
// One run
//===----------------------------------------------------------------------===//

namespace {
enum Outcome { Accepted = 10, Refused = 11, Silent = 12, NotVerified = 13 };

struct Case {
  std::string name, text;
  uint64_t choice = 0; ///< What is done with it.
};
} // namespace

static LogicalResult compile(MLIRContext *context, const Case &test) {
  auto model = parseModel(
      context, llvm::MemoryBuffer::getMemBufferCopy(test.text, test.name));
  if (failed(model))
    return failure();
  CompileOptions options;
  options.dp = 1 + int64_t(test.choice / 4 % 3);
  options.tp = 1 + int64_t(test.choice / 12 % 2);
  options.memory = test.choice / 24 % 2 ? "fast" : "min";
  if (test.choice / 48 % 4 < 2)
    options.train = TrainAttr::getDefault(context, test.choice / 48 % 2
                                                       ? TrainMode::AdamW
                                                       : TrainMode::Gradients);
  options.comm.sharedMemory = test.choice / 384 % 2;
  options.minPiece = 1;
  options.overlap = !options.comm.sharedMemory && test.choice / 768 % 2;
  if (test.choice / 192 % 2)
    return runPhases(*model->module, options, Phase::Lower);
  options.target.cpu = "x86-64-v3";
  return compilePlan(*model->module, model->text, options);
}

/// A phase out of its turn, on whatever parses.
static LogicalResult runPhase(MLIRContext *context, const Case &test,
                              Outcome &worst) {
  OwningOpRef<ModuleOp> module = parseModule(
      context, llvm::MemoryBuffer::getMemBufferCopy(test.text, test.name));
  if (!module)
    return failure();
  PassManager pm(context);
  switch (test.choice / 4 % 6) {
  case 0:
    buildTrainPipeline(pm);
    break;
  case 1: {
    ShardOptions options;
    options.dp = 2;
    options.tp = 2;
    buildShardPipeline(pm, options);
    break;
  }
  case 2:
    buildPartitionPipeline(pm);
    break;
  case 3: {
    ScheduleOptions options;
    options.overlap = test.choice / 24 % 2;
    buildSchedulePipeline(pm, options);
    break;
  }
  case 4: {
    LowerOptions options;
    options.sharedMemory = test.choice / 24 % 2;
    options.minPiece = 1;
    buildLowerPipeline(pm, options);
    break;
  }
  default:
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  }
  if (failed(pm.run(*module)))
    return failure();
  if (failed(verify(*module)))
    worst = NotVerified;
  return success();
}

/// In the child: never returns.
[[noreturn]] static void runCase(const Case &test) {
  rlimit memory{rlim_t(4) << 30, rlim_t(4) << 30};
  ::setrlimit(RLIMIT_AS, &memory);
  rlimit core{0, 0};
  ::setrlimit(RLIMIT_CORE, &core);
  ::alarm(20);
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  bool hasError = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    hasError |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
    if (show)
      llvm::errs() << diagnostic.getLocation() << ": " << diagnostic << "\n";
    return success();
  });
  Outcome worst = Accepted;
  LogicalResult result = test.choice % 4 == 0 ? runPhase(&context, test, worst)
                                              : compile(&context, test);
  if (failed(result))
    worst = hasError ? Refused : Silent;
  ::_exit(worst);
}

/// How the run of `test` ended, in words.
static std::string outcomeOf(const Case &test) {
  llvm::outs().flush();
  pid_t child = ::fork();
  if (child == 0)
    runCase(test);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGALRM
               ? "hang"
               : "signal " + std::to_string(WTERMSIG(status));
  switch (WEXITSTATUS(status)) {
  case Accepted:
    return "accepted";
  case Refused:
    return "refused";
  case Silent:
    return "failed without an error";
  case NotVerified:
    return "left IR that does not verify";
  default:
    return "exit " + std::to_string(WEXITSTATUS(status));
  }
}

//===----------------------------------------------------------------------===//
// All runs
//===----------------------------------------------------------------------===//

namespace {
struct Tally {
  std::map<std::string, uint64_t> outcomes;
  uint64_t runs = 0, findings = 0;

  void run(const Case &test, uint64_t seed) {
    std::string outcome = outcomeOf(test);
    ++runs;
    ++outcomes[outcome];
    if (outcome == "accepted" || outcome == "refused")
      return;
    ++findings;
    llvm::outs() << test.name << ", seed " << seed << ", choice " << test.choice
                 << ": " << outcome << "\n";
    if (keep.empty())
      return;
    llvm::sys::fs::create_directories(keep);
    std::error_code error;
    llvm::raw_fd_ostream file(keep + "/" + std::to_string(seed) + "-" +
                                  std::to_string(test.choice) + ".mlir",
                              error);
    if (!error)
      file << test.text;
  }
};
} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Mutates modules and compiles them\n");
  std::vector<Case> seeds;
  std::vector<Mutator> mutators;
  for (const std::string &path : files) {
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file) {
      llvm::errs() << "fabric-mutate: error: cannot read " << path << "\n";
      return 1;
    }
    SmallVector<StringRef> chunks;
    (*file)->getBuffer().split(chunks, "// -----\n");
    for (StringRef chunk : chunks) {
      seeds.push_back({path, chunk.str()});
      mutators.emplace_back(chunk.str());
    }
  }
  Tally tally;
  if (split)
    for (const Case &seed : seeds)
      for (uint64_t choice :
           {1, 4 + 1, 48 + 1, 96 + 24 + 1, 192 + 16 + 1, 0, 4, 8, 12, 16, 20}) {
        Case test = seed;
        test.choice = choice;
        tally.run(test, 0);
      }
  for (uint64_t seed = firstSeed; seed < firstSeed + runs; ++seed) {
    std::mt19937_64 random(seed);
    size_t which = random() % seeds.size();
    Case test{seeds[which].name, mutators[which].mutate(random())};
    test.choice = random() % 1024;
    tally.run(test, seed);
  }
  llvm::outs() << tally.runs << " runs:";
  for (const auto &[outcome, count] : tally.outcomes)
    llvm::outs() << " " << count << " " << outcome << ",";
  llvm::outs() << " " << tally.findings << " findings\n";
  return tally.findings == 0 ? 0 : 1;
}
