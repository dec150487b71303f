//===- CompileCommand.h - What fabric-compile does --------------*- C++ -*-===//
//
// Without MLIR's headers, so that the command line can be parsed by code that
// is compiled with exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_DRIVER_COMPILECOMMAND_H
#define FABRIC_COMPILER_DRIVER_COMPILECOMMAND_H

#include <cstdint>
#include <optional>
#include <string>

namespace mlir::fabric {

/// The command line of fabric-compile, as it was given.
struct CompileCommand {
  std::string model;
  std::string output;     ///< Empty: no plan is written.
  int64_t dp = 0, tp = 0; ///< 0: the module's mesh, else 2.
  std::string tpPlan;
  std::optional<std::string> train; ///< "adamw" or "gradients"
  std::optional<double> lr, weightDecay, beta1, beta2, eps;
  std::string paramDtype, reduceDtype; ///< Empty: not mixed.
  std::string memory = "fast";
  bool sharedMemory = false; ///< The ranks will share memory.
  bool fsdpAuto = false;
  /// Collectives beside what computes; else where the target gains by it.
  std::optional<bool> overlap;
  bool joinProducts = false;
  bool tf32 = false;                 ///< --matmul-precision=high
  std::string target = "cpu";        ///< "cpu:znver4", "cuda", "cuda:sm_90"
  std::optional<std::string> emit;   ///< A phase to stop after and print.
  std::optional<std::string> report; ///< Empty: for people; else a JSON file.
  bool showRemarks = false;
};

/// The names that `emit` may have, in order.
inline constexpr const char *emitPhases[] = {"import",    "train",    "shard",
                                             "partition", "schedule", "lower",
                                             "plan",      "code"};

/// Runs the command: reads the model, compiles, writes plan and report. Prints
/// errors, one line each, on standard error. Returns the exit code.
int runCompile(const CompileCommand &command);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_COMPILECOMMAND_H
