//===- Options.h - The flags of fabric-run ----------------------*- C++ -*-===//

#ifndef FABRIC_TOOLS_FABRICRUN_OPTIONS_H
#define FABRIC_TOOLS_FABRICRUN_OPTIONS_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fabric::run {

struct Options {
  std::string plan;
  std::string weights; ///< Empty: drawn from the seed.
  uint64_t seed = 0;
  int64_t steps = 1;
  std::map<std::string, double> scalars; ///< --lr and --set.
  std::optional<std::string> comm;
  std::vector<std::string> data;
  std::string outputDir, save, metrics, profile; ///< Empty: not asked for.
  std::string gemms, tuneGemms;                  ///< Empty: not asked for.
  int64_t profileSteps = 3; ///< How many; the first of the run is skipped.
  double timeoutSeconds = 600;
  int threads = 0; ///< A rank; 0: the cores, shared among the ranks.
  bool describe = false, quiet = false, noReplay = false;
};

/// The program has done what it was asked for by its flags: --help, --version.
struct Answered {
  std::string text; ///< For standard output.
};

/// A failure is one of usage: exit code 2.
Expected<std::variant<Options, Answered>> parseOptions(int argc, char **argv);

} // namespace fabric::run

#endif // FABRIC_TOOLS_FABRICRUN_OPTIONS_H
