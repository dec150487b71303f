//===- FirstDifference.cpp - Where a program goes wrong -------------------===//

#include "compiler/Verify/FirstDifference.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Devices.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Verify/LoweredDifference.h"
#include "compiler/Verify/ModelValues.h"
#include "dialects/Fabric/IR/Model.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Partition/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include <limits>
#include <map>

using namespace mlir;
using namespace mlir::fabric;
using interpreter::Comparison;
using interpreter::Tensor;

namespace {
/// A value of the program with the blocks of all devices.
struct Observed {
  Operation *op;
  Origin origin;
  SmallVector<Tensor> blocks;
};
} // namespace

namespace {
/// Types lose their shardings in one pass of the partition phase.
struct NoteBeforeLocalise : PassInstrumentation {
  void runBeforePass(Pass *pass, Operation *op) override {
    auto module = dyn_cast<ModuleOp>(op);
    if (module && pass->getArgument() == name)
      for (auto function : module.getOps<func::FuncOp>())
        ModelValues::noteShardings(function);
  }
  const std::string name = partition::createLocalisePass()->getArgument().str();
};
} // namespace

static FailureOr<SmallVector<Tensor>>
run(ModuleOp module, ArrayRef<Tensor> values, std::vector<Observed> &observed) {
  interpreter::Options options;
  // What differs is found by comparison, not by an error.
  options.replicaTolerance = std::numeric_limits<double>::infinity();
  Value last;
  options.observer = [&](int64_t device, Value value, const Tensor &tensor) {
    std::optional<Origin> origin = getOrigin(value);
    if (!origin)
      return;
    if (value != last)
      observed.push_back({value.getDefiningOp(), *origin, {}});
    last = value;
    observed.back().blocks.push_back(tensor);
  };
  return interpreter::interpret(*findModel(module), values, options);
}

/// The value that the blocks are of, once for each replica. Nothing where a
/// block is not of the shape that the sharding says.
static std::vector<Tensor> assemble(const Observed &value,
                                    ArrayRef<int64_t> shape) {
  dist::ShardingAttr sharding = value.origin.sharding;
  if (!sharding || value.blocks.size() == 1)
    return {value.blocks.front()};
  interpreter::DeviceMesh mesh(sharding.getMesh());
  dist::ShardingAttr placement = sharding.withoutPartial();
  std::map<std::vector<int64_t>, size_t> numCopies;
  std::vector<Tensor> replicas;
  std::vector<std::vector<bool>> written;
  for (auto [device, block] : llvm::enumerate(value.blocks)) {
    std::vector<int64_t> coordinate = {
        mesh.getPosition(device, sharding.getPartial())};
    for (dist::AxesAttr axes : sharding.getDims())
      coordinate.push_back(mesh.getPosition(device, axes));
    size_t replica = numCopies[coordinate]++;
    if (replica == replicas.size()) {
      replicas.emplace_back(shape, block.kind);
      written.emplace_back(replicas.back().getNumElements(), false);
    }
    auto offsets = interpreter::blockOffsets(shape, placement, device);
    if (static_cast<int64_t>(offsets.size()) != block.getNumElements())
      return {};
    Tensor &global = replicas[replica];
    for (auto [element, offset] : llvm::enumerate(offsets)) {
      bool isFirst = !written[replica][offset];
      written[replica][offset] = true;
      if (!block.isFloat())
        global.integers[offset] =
            isFirst
                ? block.integers[element]
                : static_cast<int64_t>(interpreter::combine(
                      sharding.getReduction(), double(global.integers[offset]),
                      double(block.integers[element])));
      else
        global.floats[offset] =
            isFirst ? block.floats[element]
                    : interpreter::combine(sharding.getReduction(),
                                           global.floats[offset],
                                           block.floats[element]);
    }
  }
  return replicas;
}

/// Where no op differs, what is returned does: terms that were not reduced, or
/// blocks that nobody has joined.
static std::string describeResult(func::FuncOp function,
                                  ArrayRef<Comparison> comparisons,
                                  ArrayRef<std::string> names) {
  auto first =
      llvm::find_if(comparisons, [](const Comparison &c) { return !c.agrees; });
  size_t index = first - comparisons.begin();
  Value value = function.getBody().front().getTerminator()->getOperand(index);
  Operation *op = value.getDefiningOp();
  if (!op)
    op = function;
  return "result " + names[index] + " of " +
         describeDifference(op, first->error);
}

/// "'fabric.linear' at model.mlir:7:8, error 1.2e-01", of the first value that
/// differs; empty where none does that can be compared.
static std::string findOp(ArrayRef<Observed> observed,
                          const ModelValues &expected, double tolerance) {
  SmallVector<Operation *> ops;
  SmallVector<std::string> names;
  SmallVector<Tensor> wanted, found;
  for (const Observed &value : observed) {
    ValueName name = value.origin.name;
    const Tensor *model = expected.lookup(name);
    if (!model)
      continue;
    for (Tensor &replica : assemble(value, expected.getPaddedShape(name))) {
      std::optional<Tensor> part = expected.takeTruePart(name, replica);
      if (!part)
        break;
      ops.push_back(value.op);
      names.emplace_back();
      wanted.push_back(*model);
      found.push_back(std::move(*part));
    }
  }
  auto comparisons =
      interpreter::compareResults(names, wanted, found, tolerance);
  auto first =
      llvm::find_if(comparisons, [](const Comparison &c) { return !c.agrees; });
  if (first == comparisons.end())
    return "";
  return describeDifference(ops[first - comparisons.begin()], first->error);
}

FailureOr<std::string>
mlir::fabric::findFirstDifference(ModuleOp model, ArrayRef<Tensor> values,
                                  const CompileOptions &options,
                                  double tolerance) {
  OwningOpRef<ModuleOp> program = model.clone();
  if (failed(runPhases(*program, options, Phase::Import, Phase::Train)))
    return failure();
  func::FuncOp function = *findModel(*program);
  FailureOr<ModelValues> expected = ModelValues::make(function, values);
  if (failed(expected))
    return failure();

  CompileOptions noting = options;
  noting.afterPhase = [&](PassManager &pm, Phase phase) {
    if (options.afterPhase)
      options.afterPhase(pm, phase);
    if (phase == Phase::Partition)
      pm.addInstrumentation(std::make_unique<NoteBeforeLocalise>());
  };
  SmallVector<std::string> names = interpreter::getResultNames(function);
  for (auto [phase, name] : {std::pair(Phase::Shard, "shard"),
                             std::pair(Phase::Partition, "partition"),
                             std::pair(Phase::Schedule, "schedule")}) {
    if (failed(runPhases(*program, noting, phase, phase)))
      return failure();
    function = *findModel(*program);
    if (phase == Phase::Shard)
      expected->noteSharded(function);
    std::vector<Observed> observed;
    auto actual = run(*program, values, observed);
    if (failed(actual))
      return failure();
    auto comparisons = interpreter::compareResults(
        names, expected->getResults(), *actual, tolerance);
    if (llvm::all_of(comparisons, [](const Comparison &c) { return c.agrees; }))
      continue;
    std::string op = findOp(observed, *expected, tolerance);
    if (op.empty())
      op = describeResult(function, comparisons, names);
    return (Twine("after ") + name + ", first in " + op).str();
  }
  return findLoweredDifference(*program, values, expected->getResults(),
                               options, tolerance);
}
