//===- Pipelines.cpp - The phases of the compiler -------------------------===//

#include "compiler/Pipelines.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Lowering/Passes.h"
#include "passes/Partition/Passes.h"
#include "passes/Schedule/Passes.h"
#include "passes/Sharding/Passes.h"
#include "passes/Training/Passes.h"

using namespace mlir;
using namespace mlir::fabric;

void mlir::fabric::buildTrainPipeline(OpPassManager &pm,
                                      const TrainOptions &options) {
  // First: what other passes make at an argument's location is called after it.
  pm.addPass(training::createNameArgumentsPass());
  // What is asked of a value is asked of its gradient, so before there is one.
  pm.addPass(sharding::createApplyTpPlanPass({options.tpPlan}));
  // Before there are gradients, which come out in f32 as parameters are.
  bool isMixed = !options.paramDtype.empty() || !options.reduceDtype.empty();
  std::string reduceDtype =
      options.reduceDtype.empty() ? "f32" : options.reduceDtype.getValue();
  if (isMixed)
    pm.addPass(
        training::createMixedPrecisionPass({options.paramDtype, reduceDtype}));
  pm.addPass(training::createDifferentiatePass());
  // Forward and backward alike; before updates, which need gradients in f32.
  if (isMixed)
    pm.addPass(training::createWidenReductionsPass({reduceDtype}));
  // Consumes the gradients that the pass before returned.
  pm.addPass(training::createApplyOptimizerPass());
  // The optimizer has added arguments.
  pm.addPass(training::createNameArgumentsPass());
  // Derivatives repeat each other's factors. Safe here: nothing has been
  // duplicated on purpose yet. Not the canonicalizer, which moves constants to
  // the top and merges their locations into an unknown one.
  pm.addNestedPass<func::FuncOp>(createCSEPass());
  // Last: states what the phase leaves behind.
  pm.addPass(training::createVerifyTrainedPass());
}

void mlir::fabric::buildShardPipeline(OpPassManager &pm,
                                      const ShardOptions &options) {
  // First: all others ask the module for its mesh.
  pm.addPass(sharding::createSetMeshPass({options.dp, options.tp}));
  // What the user asks of parameters and results, before anything is chosen.
  // After training: the gradient of a result is not its concern.
  pm.addPass(sharding::createApplyShardingsPass());
  // What the user asks for divides from here on; a choice among what does not
  // divide is not offered. After training: derivatives are padded, too.
  pm.addPass(sharding::createPadUnevenPass());
  // What is left open by then, with all derivatives in sight.
  pm.addPass(sharding::createChooseTpPass());
  // On what the styles make of the program; moves constraints that they needed.
  if (options.fsdp == FsdpChoice::Auto)
    pm.addPass(sharding::createChooseFsdpPass());
  // Storage and compute shardings follow from the choices.
  pm.addPass(sharding::createAssignStoragePass());
  pm.addPass(sharding::createPropagatePass());
  // Last: states what the phase leaves behind.
  pm.addPass(sharding::createVerifyShardedPass());
}

void mlir::fabric::buildPartitionPipeline(OpPassManager &pm) {
  pm.addPass(partition::createReshardToCollectivesPass());
  // While each collective is an identity on global tensors: local ones are not.
  pm.addPass(partition::createCombineCollectivesPass());
  pm.addPass(partition::createLocalisePass());
  // Where nothing is reduced before it is rounded.
  pm.addPass(partition::createFoldRoundingPass());
  pm.addPass(partition::createVerifyPartitionedPass());
}

void mlir::fabric::buildSchedulePipeline(OpPassManager &pm,
                                         const ScheduleOptions &options) {
  pm.addNestedPass<func::FuncOp>(schedule::createOrderPass());
  // On the order of execution, from which it reads what is alive when. Nothing
  // may merge equal ops from here on: gathers are repeated on purpose.
  pm.addNestedPass<func::FuncOp>(
      schedule::createRegatherPass({options.memory, options.scratch}));
  // When it is known what is made where.
  if (options.overlap)
    pm.addNestedPass<func::FuncOp>(
        schedule::createOverlapPass({options.memory, options.scratch}));
  pm.addNestedPass<func::FuncOp>(schedule::createVerifySchedulePass());
}

void mlir::fabric::buildLowerPipeline(OpPassManager &pm,
                                      const LowerOptions &options) {
  // First: all others know products, loops and instructions only.
  pm.addNestedPass<func::FuncOp>(lowering::createDecomposePass());
  // What is a matrix product is not part of a kernel, and the transposes that
  // it asks for are.
  pm.addNestedPass<func::FuncOp>(
      lowering::createLowerContractionsPass({options.tf32}));
  // Before kernels, which read through views and explain nothing any more.
  pm.addNestedPass<func::FuncOp>(lowering::createLowerInstructionsPass());
  // What it makes of sums is for kernels to take in.
  if (options.sharedMemory)
    pm.addNestedPass<func::FuncOp>(
        lowering::createShareCollectivesPass({options.minPiece}));
  pm.addPass(lowering::createFormKernelsPass());
  // Kernels move so that several are after one barrier, and no more after this.
  if (options.sharedMemory)
    pm.addPass(lowering::createJoinPeerReadsPass({options.joinBytes}));
  // Before barriers and memory: a kernel may become several launches, and what
  // they leave for each other needs memory.
  if (options.gpu)
    pm.addPass(lowering::createLaunchesToGpuPass());
  // When nothing else moves, and before barriers, which follow what is read.
  if (options.joinProducts)
    pm.addPass(lowering::createJoinProductsPass());
  // Before memory, for a barrier ends lifetimes.
  if (options.sharedMemory)
    pm.addPass(lowering::createPlaceBarriersPass({options.joinBytes}));
  // When nothing is added or moved any more.
  pm.addPass(lowering::createPlanMemoryPass());
  // The planner has remarked on every copy.
  pm.addPass(lowering::createVerifyMemoryPass(
      {/*maxCopies=*/std::numeric_limits<int64_t>::max()}));
  pm.addPass(lowering::createVerifyPeersPass());
  // By slots; the plan's verifier looks for what it may have missed.
  pm.addPass(lowering::createPlaceEventsPass());
  // Last: states what the phase leaves behind.
  pm.addPass(lowering::createVerifyLoweredPass());
}

void mlir::fabric::buildShard2dPipeline(OpPassManager &pm,
                                        const Shard2dOptions &options) {
  TrainOptions train;
  train.tpPlan = options.tpPlan;
  train.paramDtype = options.paramDtype;
  train.reduceDtype = options.reduceDtype;
  buildTrainPipeline(pm, train);
  ShardOptions shard;
  shard.dp = options.dp;
  shard.tp = options.tp;
  shard.fsdp = options.fsdp;
  buildShardPipeline(pm, shard);
  buildPartitionPipeline(pm);
}

/// As PassPipelineRegistration does it, but what is wrong with the options goes
/// to whoever asks for the pipeline, not to standard error.
template <typename Options>
static void registerPhase(StringRef name, StringRef description,
                          void (*build)(OpPassManager &, const Options &)) {
  registerPassPipeline(
      name, description,
      [build](OpPassManager &pm, StringRef text,
              function_ref<LogicalResult(const Twine &)> emitError) {
        Options options;
        std::string wrong;
        llvm::raw_string_ostream os(wrong);
        if (failed(options.parseFromString(text, os)))
          return emitError(wrong);
        build(pm, options);
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)> show) {
        show(Options());
      });
}

void mlir::fabric::registerPipelines() {
  struct NoOptions : PassPipelineOptions<NoOptions> {};
  registerPhase<TrainOptions>(
      "train", "Differentiate and train, where the module asks for it",
      buildTrainPipeline);
  registerPhase<ShardOptions>("shard", "Give every tensor a sharding",
                              buildShardPipeline);
  registerPhase<NoOptions>(
      "partition", "Make shapes local and collectives explicit",
      [](OpPassManager &pm, const NoOptions &) { buildPartitionPipeline(pm); });
  registerPhase<ScheduleOptions>("schedule",
                                 "Order instructions within the memory budget",
                                 buildSchedulePipeline);
  registerPhase<LowerOptions>(
      "lower", "Make instructions on planned memory, and kernels",
      buildLowerPipeline);
  registerPhase<Shard2dOptions>(
      "shard-2d", "Train, shard and partition: the whole 2D parallelisation",
      buildShard2dPipeline);
}
