//===- fabric-generate.cpp - Checks generated programs --------------------===//
//
// Makes programs out of seeds and checks each by value: what every phase makes
// of it, in the interpreter; and of some the compiled plan on local ranks. What
// fails is made smaller and written to a file, whose first line is the command
// that shows it.
//
//   fabric-generate --programs=20000 --plans-every=50
//   fabric-generate --seed=17 --print
//   fabric-generate --check=seed-17.mlir
//
//===----------------------------------------------------------------------===//

#include "compiler/Registration.h"
#include "mlir/Parser/Parser.h"
#include "test/generate/Check.h"
#include "test/generate/Generate.h"
#include "test/generate/Shrink.h"
#include "test/generate/Tally.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"
#include <mutex>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
namespace cl = llvm::cl;

static cl::opt<uint64_t> firstSeed("seed", cl::desc("first seed"), cl::init(0));
static cl::opt<uint64_t> numPrograms("programs", cl::desc("how many"),
                                     cl::init(1));
static cl::opt<uint64_t>
    plansEvery("plans-every",
               cl::desc("of how many programs one is compiled and run as a "
                        "plan; 0: none"),
               cl::init(0));
static cl::opt<unsigned> numJobs("jobs",
                                 cl::desc("programs at a time; 0: as many as "
                                          "there are cores"),
                                 cl::init(1));
static cl::opt<bool> onlyPrint("print",
                               cl::desc("print the programs, check nothing"));
static cl::opt<std::string>
    folder("output-dir", cl::desc("where small failing programs are written"),
           cl::init("."));
static cl::opt<std::string>
    checkFile("check", cl::desc("check the program of this file instead"));
static cl::opt<bool> whole("whole",
                           cl::desc("with --check: whole numbers, same bits"));
static cl::opt<bool> asPlan("plan",
                            cl::desc("with --check: compile and run it"));

static Outcome check(ModuleOp program, bool plan, const CheckOptions &options) {
  return plan ? checkPlan(program, options) : checkPhases(program, options);
}

/// Shrinks a program that fails and writes it.
static void writeSmall(ModuleOp program, uint64_t seed, bool plan,
                       const CheckOptions &options, const Outcome &outcome) {
  OwningOpRef<ModuleOp> small = shrink(program, [&](ModuleOp candidate) {
    return measure(candidate).isMeaningful(options.whole, kLargest, kMargin) &&
           check(candidate, plan, options).getSignature() ==
               outcome.getSignature();
  });
  SmallString<128> path(folder);
  std::string name = "seed-" + std::to_string(seed) + ".mlir";
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (error) {
    llvm::errs() << "fabric-generate: error: " << path << ": "
                 << error.message() << "\n";
    return;
  }
  file << "// fabric-generate --check=" << name << (plan ? " --plan" : "")
       << (options.whole ? " --whole" : "") << "\n"
       << print(*small);
  llvm::outs() << "  " << countOps(*small) << " of " << countOps(program)
               << " ops are enough: " << path << "\n";
}

static int checkOneFile(const DialectRegistry &registry) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto program = parseSourceFile<ModuleOp>(checkFile.getValue(), &context);
  if (!program)
    return 1;
  CheckOptions options;
  options.whole = whole;
  Outcome outcome = check(*program, asPlan, options);
  llvm::outs() << outcome.describe() << "\n";
  return outcome.isBad();
}

/// Generates and checks one program, and tells the tally.
static void checkSeed(const DialectRegistry &registry, uint64_t seed,
                      Tally &tally, std::mutex &mutex) {
  // What a context has made stays in it: one for each program.
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Kind kind = getMixedKind(seed);
  bool plan = plansEvery && seed % plansEvery == 0;
  // A plan rounds to narrower types, the interpreter does not.
  kind.narrow &= !plan;
  Program program = generate::generate(&context, seed, kind);
  CheckOptions options;
  options.whole = kind.whole;
  options.memory = seed % 3 ? "fast" : "min";
  options.sharedMemory = seed % 2;
  options.joinProducts = seed % 4 < 2;
  Outcome outcome = checkPhases(*program.module, options);
  bool isPlan = outcome.status == Outcome::Status::Agrees && plan;
  if (isPlan)
    outcome = checkPlan(*program.module, options);
  std::scoped_lock lock(mutex);
  tally.add(program, outcome, isPlan);
  if (outcome.isBad()) {
    llvm::outs() << "seed " << seed << ": " << outcome.describe() << "\n";
    writeSmall(*program.module, seed, isPlan, options, outcome);
  }
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Checks generated programs\n");
  DialectRegistry registry;
  registerDialects(registry);
  if (!checkFile.empty())
    return checkOneFile(registry);

  if (onlyPrint) {
    for (uint64_t i = 0; i < numPrograms; ++i) {
      MLIRContext context(registry, MLIRContext::Threading::DISABLED);
      context.loadAllAvailableDialects();
      uint64_t seed = firstSeed + i;
      llvm::outs() << print(
          *generate::generate(&context, seed, getMixedKind(seed)).module);
    }
    return 0;
  }
  Tally tally;
  std::mutex mutex;
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(numJobs));
  for (uint64_t i = 0; i < numPrograms; ++i)
    pool.async([&, i] { checkSeed(registry, firstSeed + i, tally, mutex); });
  pool.wait();
  tally.print(llvm::outs());
  return tally.getNumBad() != 0;
}
