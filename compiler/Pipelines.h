//===- Pipelines.h - The phases of the compiler -----------------*- C++ -*-===//
//
// One function a phase; each ends in a verifier pass that says what may be left
// in the IR. `fabric-opt` has every one of them as a pipeline of the phase's
// name, and `fabric-compile --emit=<phase>` stops after it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_PIPELINES_H
#define FABRIC_COMPILER_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::fabric {

struct TrainOptions : public PassPipelineOptions<TrainOptions> {
  Option<std::string> tpPlan{
      *this, "tp-plan",
      llvm::cl::desc("JSON file of tensor-parallel styles by parameter glob, "
                     "or of these and shardings"),
      llvm::cl::init("")};
  Option<std::string> paramDtype{
      *this, "param-dtype",
      llvm::cl::desc("what the module computes in, with parameters in f32: "
                     "bf16; default: the types that it has"),
      llvm::cl::init("")};
  Option<std::string> reduceDtype{
      *this, "reduce-dtype",
      llvm::cl::desc("with param-dtype, what terms are reduced in: f32, the "
                     "default, or bf16"),
      llvm::cl::init("")};
};

/// train: what the user asks for is noted; then forward and loss to a training
/// step, where the module carries `fabric.train`.
void buildTrainPipeline(OpPassManager &pm,
                        const TrainOptions &options = TrainOptions());

/// What becomes of parameters' data-parallel shards where they are used.
enum class FsdpChoice {
  Gather, ///< gathered, unless the model says otherwise
  Auto,   ///< kept where that sends fewer bytes
};

struct ShardOptions : public PassPipelineOptions<ShardOptions> {
  Option<int64_t> dp{*this, "dp",
                     llvm::cl::desc("size of the data-parallel mesh axis; "
                                    "default: the module's mesh, else 2"),
                     llvm::cl::init(0)};
  Option<int64_t> tp{*this, "tp",
                     llvm::cl::desc("size of the tensor-parallel mesh axis; "
                                    "default: the module's mesh, else 2"),
                     llvm::cl::init(0)};
  Option<FsdpChoice> fsdp{
      *this, "fsdp", llvm::cl::desc("parameters over the data-parallel axis"),
      llvm::cl::init(FsdpChoice::Gather),
      llvm::cl::values(
          clEnumValN(FsdpChoice::Gather, "gather", "gathered for use"),
          clEnumValN(FsdpChoice::Auto, "auto",
                     "kept split where that sends fewer bytes"))};
};

/// shard: every tensor type carries a sharding, and every disagreement is a
/// `dist.reshard`.
void buildShardPipeline(OpPassManager &pm, const ShardOptions &options);

/// partition: local shapes and explicit collectives.
void buildPartitionPipeline(OpPassManager &pm);

struct ScheduleOptions : public PassPipelineOptions<ScheduleOptions> {
  Option<std::string> memory{
      *this, "memory",
      llvm::cl::desc(
          "min: one gathered weight or full gradient at a time; "
          "fast: gathered weights may be kept; or a budget in bytes"),
      llvm::cl::init("fast")};
  Option<bool> overlap{*this, "overlap",
                       llvm::cl::desc("collectives run beside what computes"),
                       llvm::cl::init(false)};
  Option<bool> scratch{
      *this, "scratch",
      llvm::cl::desc("a budget also holds what a GPU's libraries work in"),
      llvm::cl::init(false)};
};

/// schedule: one total order of instructions.
void buildSchedulePipeline(OpPassManager &pm, const ScheduleOptions &options);

struct LowerOptions : public PassPipelineOptions<LowerOptions> {
  Option<bool> sharedMemory{
      *this, "shared-memory",
      llvm::cl::desc("the ranks of the run can read each other's memory"),
      llvm::cl::init(false)};
  Option<int64_t> minPiece{
      *this, "min-piece",
      llvm::cl::desc("rows or columns of a peer's matrix that are worth a "
                     "product of their own"),
      llvm::cl::init(64)};
  Option<int64_t> joinBytes{
      *this, "join-bytes",
      llvm::cl::desc("bytes of a rank that may wait for one barrier instead of "
                     "each for its own"),
      llvm::cl::init(0)};
  Option<bool> tf32{*this, "tf32",
                    llvm::cl::desc("products of f32 may be rounded to TF32"),
                    llvm::cl::init(false)};
  Option<bool> joinProducts{
      *this, "join-products",
      llvm::cl::desc("products that share an operand are one instruction"),
      llvm::cl::init(false)};
  Option<bool> gpu{*this, "gpu", llvm::cl::desc("kernels run on a GPU"),
                   llvm::cl::init(false)};
};

/// lower: `exec` instructions on planned memory, and the kernels they launch.
void buildLowerPipeline(OpPassManager &pm, const LowerOptions &options);

/// Those of train and shard.
struct Shard2dOptions : public PassPipelineOptions<Shard2dOptions> {
  Option<int64_t> dp{*this, "dp", llvm::cl::desc("see shard"),
                     llvm::cl::init(0)};
  Option<int64_t> tp{*this, "tp", llvm::cl::desc("see shard"),
                     llvm::cl::init(0)};
  Option<std::string> tpPlan{*this, "tp-plan", llvm::cl::desc("see train"),
                             llvm::cl::init("")};
  Option<std::string> paramDtype{
      *this, "param-dtype", llvm::cl::desc("see train"), llvm::cl::init("")};
  Option<std::string> reduceDtype{
      *this, "reduce-dtype", llvm::cl::desc("see train"), llvm::cl::init("")};
  Option<FsdpChoice> fsdp{
      *this, "fsdp", llvm::cl::desc("see shard"),
      llvm::cl::init(FsdpChoice::Gather),
      llvm::cl::values(
          clEnumValN(FsdpChoice::Gather, "gather", "gathered for use"),
          clEnumValN(FsdpChoice::Auto, "auto",
                     "kept split where that sends fewer bytes"))};
};

/// shard-2d: train, shard and partition.
void buildShard2dPipeline(OpPassManager &pm, const Shard2dOptions &options);

/// Makes every phase a pipeline of `fabric-opt`.
void registerPipelines();

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_PIPELINES_H
