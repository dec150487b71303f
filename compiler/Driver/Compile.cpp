//===- Compile.cpp - From a module to a plan ------------------------------===//

#include "compiler/Driver/Compile.h"
#include "compiler/Emit/Emit.h"
#include "compiler/Pipelines.h"
#include "passes/Lowering/LeastMemory.h"
#include "runtime/Support/Sha256.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::fabric;

FailureOr<std::map<std::string, std::string>>
CompileOptions::describe(MLIRContext *context) const {
  std::map<std::string, std::string> text;
  text["dp"] = dp ? std::to_string(dp) : "default";
  text["tp"] = tp ? std::to_string(tp) : "default";
  text["memory"] = memory;
  if (comm.sharedMemory)
    text["comm"] = "shared memory";
  if (overlap)
    text["overlap"] = "on";
  text["fsdp"] = fsdp == FsdpChoice::Auto ? "auto" : "gather";
  if (joinProducts)
    text["join_products"] = "on";
  if (tf32)
    text["matmul_precision"] = "high";
  if (!paramDtype.empty())
    text["param_dtype"] = paramDtype;
  if (!reduceDtype.empty())
    text["reduce_dtype"] = reduceDtype;
  // "native" is another processor on every machine.
  if (!target.gpu.empty())
    text["target"] = "cuda:" + target.gpu;
  else if (target.cpu == "native")
    text["target"] = "cpu:" + llvm::sys::getHostCPUName().str();
  else
    text["target"] = "cpu:" + target.cpu;
  std::string features;
  for (const std::string &feature : lowering::getRequiredFeatures(target))
    features += (features.empty() ? "" : ",") + feature;
  text["features"] = features;
  if (train)
    llvm::raw_string_ostream(text["train"]) << Attribute(*train);
  if (!tpPlan.empty()) {
    auto file = llvm::MemoryBuffer::getFile(tpPlan);
    if (!file) {
      emitError(UnknownLoc::get(context)) << "cannot read TP plan " << tpPlan
                                          << ": " << file.getError().message();
      return failure();
    }
    text["tp_plan"] = (*file)->getBuffer().str();
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

static void addPhase(OpPassManager &pm, const CompileOptions &options,
                     Phase phase) {
  switch (phase) {
  case Phase::Import:
    return;
  case Phase::Train: {
    TrainOptions train;
    train.tpPlan = options.tpPlan;
    train.paramDtype = options.paramDtype;
    train.reduceDtype = options.reduceDtype;
    return buildTrainPipeline(pm, train);
  }
  case Phase::Shard: {
    ShardOptions shard;
    shard.dp = options.dp;
    shard.tp = options.tp;
    shard.fsdp = options.fsdp;
    return buildShardPipeline(pm, shard);
  }
  case Phase::Partition:
    return buildPartitionPipeline(pm);
  case Phase::Schedule: {
    ScheduleOptions schedule;
    schedule.memory = options.memory;
    schedule.overlap = options.overlap;
    schedule.scratch = !options.target.gpu.empty();
    return buildSchedulePipeline(pm, schedule);
  }
  case Phase::Lower: {
    LowerOptions lower;
    lower.sharedMemory = options.comm.sharedMemory;
    lower.minPiece = options.minPiece;
    // So much is sent and summed in the time of a few meetings.
    if (options.memory == "fast")
      lower.joinBytes = 1 << 20;
    lower.joinProducts = options.joinProducts;
    lower.tf32 = options.tf32;
    lower.gpu = !options.target.gpu.empty();
    return buildLowerPipeline(pm, lower);
  }
  }
}

LogicalResult mlir::fabric::runPhases(ModuleOp module,
                                      const CompileOptions &options,
                                      Phase first, Phase last) {
  if (options.train && first <= Phase::Train)
    module->setAttr(FabricDialect::kTrainAttr, *options.train);
  PassManager pm(module.getContext(), module.getOperationName());
  for (int phase = int(first); phase <= int(last); ++phase) {
    addPhase(pm, options, Phase(phase));
    if (options.afterPhase)
      options.afterPhase(pm, Phase(phase));
  }
  return pm.run(module);
}

LogicalResult mlir::fabric::runPhases(ModuleOp module,
                                      const CompileOptions &options,
                                      Phase last) {
  return runPhases(module, options, Phase::Import, last);
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

/// What the report wants to know of the partitioned program.
static ReportFacts collectFacts(ModuleOp module) {
  ReportFacts facts;
  module.walk([&](CostOpInterface op) { facts.flopsPerRank += op.getFlops(); });
  module.walk([&](func::FuncOp function) {
    for (unsigned arg = 0; arg < function.getNumArguments(); ++arg) {
      auto param =
          function.getArgAttrOfType<ParamAttr>(arg, FabricDialect::kParamAttr);
      auto style = function.getArgAttrOfType<dist::TpStyleAttr>(
          arg, dist::DistDialect::kTpAttr);
      if (param && style)
        facts.tpPlan.emplace_back(
            param.getName().str(),
            dist::stringifyTpStyle(style.getValue()).str());
      auto fsdp = function.getArgAttrOfType<dist::FsdpAttr>(
          arg, dist::DistDialect::kFsdpAttr);
      if (param && fsdp)
        facts.fsdpPlan.emplace_back(
            param.getName().str(),
            dist::stringifyFsdpMode(fsdp.getMode()).str());
    }
  });
  return facts;
}

/// SHA-256 over the model's text and the options, each with its length.
static FailureOr<std::string>
makeFingerprint(ModuleOp module, StringRef modelText,
                const std::map<std::string, std::string> &options) {
  std::string text = std::to_string(modelText.size()) + ":" + modelText.str();
  for (const auto &[name, value] : options)
    text += std::to_string(name.size()) + ":" + name +
            std::to_string(value.size()) + ":" + value;
  ::fabric::Expected<std::string> digest = ::fabric::sha256Hex(text);
  if (digest.failed())
    return module.emitError() << digest.message();
  return *digest;
}

FailureOr<CompiledPlan>
mlir::fabric::compilePlan(ModuleOp module, StringRef modelText,
                          const CompileOptions &options) {
  auto described = options.describe(module.getContext());
  if (failed(described) || failed(runPhases(module, options, Phase::Schedule)))
    return failure();
  CompiledPlan compiled;
  compiled.facts = collectFacts(module);
  if (failed(runPhases(module, options, Phase::Lower, Phase::Lower)))
    return failure();
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      compiled.facts.leastBytes += lowering::getLeastBytes(function);
  FailureOr<::fabric::plan::Plan> plan = emitPlan(module, options.target);
  if (failed(plan))
    return failure();
  compiled.facts.leastBytes += plan->memory.scratch;
  auto fingerprint = makeFingerprint(module, modelText, *described);
  if (failed(fingerprint))
    return failure();
  compiled.plan = std::move(*plan);
  compiled.plan.options = std::move(*described);
  compiled.plan.fingerprint = std::move(*fingerprint);
  return compiled;
}
