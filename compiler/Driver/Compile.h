//===- Compile.h - From a module to a plan ----------------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_COMPILE_H
#define FABRIC_COMPILER_DRIVER_COMPILE_H

#include "compiler/Driver/Report.h"
#include "compiler/Pipelines.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "runtime/Plan/Plan.h"
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace mlir::fabric {

/// The phases in order; the IR can be looked at after each.
enum class Phase { Import, Train, Shard, Partition, Schedule, Lower };

/// May add passes at the end of a phase, and instrumentation.
using PhaseHook = std::function<void(PassManager &, Phase)>;

/// Everything that decides what the compiler makes of a module.
struct CompileOptions {
  int64_t dp = 0, tp = 0; ///< 0: the module's mesh, else 2.
  std::string tpPlan;     ///< Path of a TP plan file, or empty.
  /// Sets the module's `fabric.train`; without it the module's own counts.
  std::optional<TrainAttr> train;
  /// Mixed precision: "bf16", and "f32" or "bf16". Empty: as the model says.
  std::string paramDtype, reduceDtype;
  std::string memory = "fast"; ///< "min", "fast" or a number of bytes.
  /// Collectives run beside what computes, as far as `memory` allows.
  bool overlap = false;
  /// What the plan may use: every communicator that runs it offers this.
  ::fabric::plan::CommFeatures comm;
  int64_t minPiece = 64; ///< See lower-share-collectives. Tests make it small.
  FsdpChoice fsdp = FsdpChoice::Gather;
  /// Products that share an operand are one instruction.
  bool joinProducts = false;
  bool tf32 = false; ///< Products of f32 may be rounded; only on GPUs.
  lowering::KernelTarget target;
  PhaseHook afterPhase; ///< For tools that look into phases, and for tests.

  /// As name -> text, for the plan and its fingerprint. The TP plan file stands
  /// for its content. Fails with a diagnostic where it cannot be read.
  FailureOr<std::map<std::string, std::string>>
  describe(MLIRContext *context) const;
};

struct CompiledPlan {
  ::fabric::plan::Plan plan;
  ReportFacts facts;
};

/// Runs the phases up to and including `last` in place. Fails with diagnostics.
LogicalResult runPhases(ModuleOp module, const CompileOptions &options,
                        Phase last);
/// From `first`, on what the phases before it have left.
LogicalResult runPhases(ModuleOp module, const CompileOptions &options,
                        Phase first, Phase last);

/// Runs all phases in place and emits the plan. `modelText` is what the
/// fingerprint says was compiled.
FailureOr<CompiledPlan> compilePlan(ModuleOp module, StringRef modelText,
                                    const CompileOptions &options);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_COMPILE_H
