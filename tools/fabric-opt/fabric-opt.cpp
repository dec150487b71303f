//===- fabric-opt.cpp - Runs passes on MLIR files -------------------------===//

#include "compiler/Driver/OptCommand.h"
#include "compiler/Registration.h"
#include "llvm/ADT/STLExtras.h"
#include <string>
#include <vector>

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fabric::registerDialects(registry);
  mlir::fabric::registerPasses();
  // Arguments are printed under their names.
  std::vector<char *> args(argv, argv + argc);
  std::string nameValues = "--mlir-use-nameloc-as-prefix";
  auto isGiven = [&](llvm::StringRef arg) {
    return arg.contains("mlir-use-nameloc-as-prefix");
  };
  if (llvm::none_of(args, isGiven))
    args.push_back(nameValues.data());
  return mlir::fabric::runOpt(static_cast<int>(args.size()), args.data(),
                              registry);
}
