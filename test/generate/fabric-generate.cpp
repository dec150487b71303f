//===- fabric-generate.cpp - Checks generated programs --------------------===//
//
// Makes programs out of seeds and checks each by value: what every phase makes
// of it, in the interpreter; and of some the compiled plan on local ranks. What
// fails is made smaller and written to a file.
//
//   fabric-generate --programs=20000 --plans-every=50 --counts
//   fabric-generate --seed=17 --print
//   fabric-generate --check=small.mlir --whole
//
//===----------------------------------------------------------------------===//

#include "compiler/Registration.h"
#include "mlir/Parser/Parser.h"
#include "test/generate/Check.h"
#include "test/generate/Generate.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include <map>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
namespace cl = llvm::cl;

static cl::opt<uint64_t> firstSeed("seed", cl::desc("first seed"), cl::init(0));
static cl::opt<uint64_t> numPrograms("programs", cl::desc("how many"),
                                     cl::init(1));
static cl::opt<uint64_t>
    plansEvery("plans-every",
               cl::desc("every how many programs one is compiled and run as a "
                        "plan; 0: none"),
               cl::init(0));
static cl::opt<bool> onlyPrint("print", cl::desc("print the programs"));

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Checks generated programs\n");
  DialectRegistry registry;
  registerDialects(registry);
  std::map<std::string, unsigned> signatures;
  unsigned redrawn = 0;
  std::map<Outcome::Status, unsigned> counts;
  for (uint64_t seed = firstSeed; seed < firstSeed + numPrograms; ++seed) {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    Kind kind = getMixedKind(seed);
    Program program = generate::generate(&context, seed, kind);
    redrawn += program.redrawn;
    if (onlyPrint) {
      llvm::outs() << print(*program.module);
      continue;
    }
    CheckOptions options;
    options.whole = kind.whole;
    Outcome outcome = checkPhases(*program.module, options);
    if (!outcome.isBad() && plansEvery && seed % plansEvery == 0) {
      kind.narrow = false;
      program = generate::generate(&context, seed, kind);
      outcome = checkPlan(*program.module, options);
    }
    ++counts[outcome.status];
    if (outcome.status != Outcome::Status::Agrees &&
        signatures[outcome.getSignature()]++ < 2)
      llvm::outs() << "seed " << seed << ": " << outcome.describe() << "\n";
  }
  for (auto [status, count] : counts)
    llvm::outs() << int(status) << ": " << count << "\n";
  for (auto [s, count] : signatures)
    llvm::outs() << s << ": " << count << "\n";
  llvm::outs() << "redrawn " << redrawn << "\n";
}
