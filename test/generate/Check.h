//===- Check.h - A program against what is made of it -----------*- C++ -*-===//
//
// The reference interpreter says what a program means. Every phase must keep
// that, and the compiled plan, run on local ranks, must compute it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_CHECK_H
#define FABRIC_TEST_GENERATE_CHECK_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include <functional>
#include <string>

namespace fabric::plan {
struct Plan;
}
namespace fabric::runtime {
struct RunInputs;
struct RunOutputs;
} // namespace fabric::runtime

namespace mlir::fabric::generate {

struct Outcome {
  enum class Status {
    Agrees,  ///< The same values everywhere.
    Refused, ///< With an error that the user is meant to get.
    Fails,   ///< With any other error.
    Differs  ///< In values.
  };
  Status status = Status::Agrees;
  /// The phase after which it was seen, or "plan".
  std::string phase;
  std::string message;

  /// Of a phase that failed with these errors: refused, where they say that the
  /// program cannot be split as it asks to be.
  static Outcome fromErrors(StringRef phase, std::string errors);

  bool isBad() const {
    return status == Status::Fails || status == Status::Differs;
  }
  /// "shard fails: ..."
  std::string describe() const;
  /// What is left of it in a smaller program that fails for the same reason:
  /// no numbers, no names of values.
  std::string getSignature() const;
};

struct CheckOptions {
  /// Whole numbers for inputs, and the same bits for results.
  bool whole = false;
  double tolerance = 1e-10;
  /// Of the schedule phase: "min" or "fast".
  std::string memory = "fast";
  /// Plans may read peers' memory, in pieces of whatever size.
  bool sharedMemory = false;
  /// Products that share an operand are one instruction.
  bool joinProducts = false;
  /// Of the schedule phase: collectives beside what computes.
  bool overlap = false;
  /// Of plans.
  lowering::KernelTarget target;
  /// Looks at a plan that agrees, and may run it again.
  std::function<void(const ::fabric::plan::Plan &plan,
                     const ::fabric::runtime::RunInputs &inputs,
                     const ::fabric::runtime::RunOutputs &outputs)>
      afterRun;
  /// Of the shard phase: parameters may be kept split over "dp".
  bool fsdpAuto = false;
  /// Of the train phase, for programs in f32: mixed precision.
  std::string paramDtype, reduceDtype;
  /// Whether the lower phase is one of those that are checked.
  bool lower = true;
  /// Changes the module after a phase, before it is verified and interpreted:
  /// a fault that must be found.
  std::function<void(StringRef phase, ModuleOp module)> fault;
};

/// Interprets the program, and what each phase makes of it, all with the same
/// inputs; results of a phase are compared with those before it
/// (a training step's own results with those of the train phase).
Outcome checkPhases(ModuleOp program, const CheckOptions &options);

/// Compiles the program and runs the plan on local ranks, against the
/// interpreter on the unsharded program. The types of the program are the
/// plan's: f64 or f32.
Outcome checkPlan(ModuleOp program, const CheckOptions &options);

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_CHECK_H
