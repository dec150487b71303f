//===- LoweredDifference.cpp - Where a plan goes wrong --------------------===//

#include "compiler/Verify/LoweredDifference.h"
#include "compiler/Driver/Diagnostics.h"
#include "compiler/Emit/Emit.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Verify/Values.h"
#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Model.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/Executor/Session.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::fabric;
using interpreter::Comparison;
using interpreter::Tensor;
namespace plan = ::fabric::plan;

namespace {
/// A value on all devices.
using Blocks = SmallVector<Tensor>;

struct Run {
  DenseMap<Value, Blocks> values;
  SmallVector<Tensor> results;
};
} // namespace

static FailureOr<Run> runModel(func::FuncOp model, ArrayRef<Tensor> values) {
  Run run;
  interpreter::Options options;
  // What differs is found by comparison, not by an error.
  options.replicaTolerance = std::numeric_limits<double>::infinity();
  options.observer = [&](int64_t, Value value, const Tensor &tensor) {
    run.values[value].push_back(tensor);
  };
  auto results = interpreter::interpret(model, values, options);
  if (failed(results))
    return failure();
  run.results = std::move(*results);
  return run;
}

std::string mlir::fabric::describeDifference(Operation *op, double error) {
  std::string where = describeLocation(op->getLoc());
  return llvm::formatv("'{0}'{1}{2}, error {3:e1}",
                       op->getName().getStringRef(),
                       where.empty() ? "" : " at ", where, error)
      .str();
}

/// How far one value is from another of as many elements, on the worst device.
static double getError(ArrayRef<Tensor> expected, ArrayRef<Tensor> actual,
                       double floor) {
  double error = 0.0;
  for (auto [wanted, found] : llvm::zip_equal(expected, actual)) {
    Tensor reshaped = found;
    reshaped.shape = wanted.shape;
    error = std::max(error, relativeError(wanted, reshaped, floor));
  }
  return error;
}

/// As between results: of the norm of everything, on the first device.
static double getFloor(const Run &run) {
  double squares = 0.0;
  for (const auto &[value, blocks] : run.values)
    if (blocks.front().isFloat())
      squares += std::pow(norm(blocks.front()), 2);
  return 1e-3 * std::sqrt(squares);
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

namespace {
/// Interprets the program after each pass.
class CheckPasses : public PassInstrumentation {
public:
  CheckPasses(ArrayRef<Tensor> values, ArrayRef<Tensor> expected,
              double tolerance, std::string &found)
      : values(values), expected(expected), tolerance(tolerance), found(found) {
  }

  LogicalResult start(ModuleOp module);
  void runAfterPass(Pass *pass, Operation *op) override;

private:
  /// An op before a pass. Its number is on its location, as an array: the
  /// integer that may be there is that of ModelValues.h.
  struct NumberedOp {
    Location loc;
    SmallVector<Blocks> results;
  };

  SmallVector<int64_t> getNumbers(Operation *op) const;
  Location getPlainLoc(Operation *op) const;
  void numberOps(func::FuncOp model, const Run &run);
  std::string findOp(func::FuncOp model, const Run &run) const;

  ArrayRef<Tensor> values, expected;
  double tolerance;
  std::string &found;
  bool isLost = false;
  std::vector<NumberedOp> ops;
};
} // namespace

SmallVector<int64_t> CheckPasses::getNumbers(Operation *op) const {
  SmallVector<int64_t> numbers;
  op->getLoc()->walk([&](Location loc) {
    if (auto fused = dyn_cast<FusedLocWith<ArrayAttr>>(loc))
      numbers.push_back(cast<IntegerAttr>(fused.getMetadata()[0]).getInt());
    return WalkResult::advance();
  });
  return numbers;
}

Location CheckPasses::getPlainLoc(Operation *op) const {
  SmallVector<Location> locations;
  for (int64_t number : getNumbers(op))
    locations.push_back(ops[number].loc);
  return locations.empty() ? op->getLoc()
                           : FusedLoc::get(op->getContext(), locations);
}

void CheckPasses::numberOps(func::FuncOp model, const Run &run) {
  Builder builder(model.getContext());
  std::vector<NumberedOp> numbered;
  for (Operation &op : model.getBody().front().without_terminator()) {
    NumberedOp &entry = numbered.emplace_back(NumberedOp{getPlainLoc(&op), {}});
    for (Value result : op.getResults())
      entry.results.push_back(run.values.lookup(result));
  }
  for (auto [number, op] :
       llvm::enumerate(model.getBody().front().without_terminator()))
    op.setLoc(FusedLoc::get({numbered[number].loc},
                            builder.getI64ArrayAttr(number),
                            model.getContext()));
  ops = std::move(numbered);
}

LogicalResult CheckPasses::start(ModuleOp module) {
  func::FuncOp model = *findModel(module);
  FailureOr<Run> run = runModel(model, values);
  if (succeeded(run))
    numberOps(model, *run);
  return run;
}

/// The first op of which nothing is what it was before the pass; empty where
/// there is none.
std::string CheckPasses::findOp(func::FuncOp model, const Run &run) const {
  auto body = model.getBody().front().without_terminator();
  DenseMap<int64_t, Operation *> last;
  for (Operation &op : body)
    for (int64_t number : getNumbers(&op))
      last[number] = &op;
  double floor = getFloor(run);
  for (Operation &op : body)
    for (Value result : op.getResults()) {
      const Blocks &actual = run.values.find(result)->second;
      std::optional<double> error;
      bool isLast = false;
      for (int64_t number : getNumbers(&op)) {
        isLast |= last[number] == &op;
        for (const Blocks &wanted : ops[number].results)
          if (wanted.size() == actual.size() &&
              wanted.front().getNumElements() ==
                  actual.front().getNumElements())
            error = std::min(error.value_or(HUGE_VAL),
                             getError(wanted, actual, floor));
      }
      if (isLast && error && !(*error <= tolerance))
        return describeDifference(&op, *error);
    }
  return "";
}

void CheckPasses::runAfterPass(Pass *pass, Operation *op) {
  auto module =
      isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
  if (!found.empty() || isLost)
    return;
  func::FuncOp model = *findModel(module);
  FailureOr<Run> run = runModel(model, values);
  isLost = failed(run);
  if (isLost)
    return;
  SmallVector<std::string> names = interpreter::getResultNames(model);
  auto comparisons =
      interpreter::compareResults(names, expected, run->results, tolerance);
  auto wrong =
      llvm::find_if(comparisons, [](const Comparison &c) { return !c.agrees; });
  if (wrong == comparisons.end())
    return numberOps(model, *run);
  StringRef name =
      pass->getArgument().empty() ? pass->getName() : pass->getArgument();
  found = ("after " + name + " of lower, first in ").str();
  std::string where = findOp(model, *run);
  if (where.empty())
    found += "result " + wrong->name +
             llvm::formatv(", error {0:e1}", wrong->error).str();
  found += where;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

namespace {
/// A plan that keeps what its instructions write.
class ObservedPlan {
public:
  explicit ObservedPlan(plan::Plan plan) : plan(std::move(plan)) {
    instructions.swap(this->plan.instructions);
    arena = this->plan.arenas.size();
    this->plan.arenas.push_back({"observed", 0, 64});
  }

  /// Takes over the next instruction.
  void advance() { plan.instructions.push_back(instructions[number++]); }
  bool isAtEnd() const { return number == instructions.size(); }
  /// Keeps what lies in the slot behind the last instruction.
  void keep(exec::SlotAttr slot, RankedTensorType type);
  /// Runs the plan: what was kept, in order, on all ranks.
  FailureOr<std::vector<Blocks>> run(const ::fabric::runtime::RunInputs &inputs,
                                     ModuleOp program);

private:
  std::string getName(size_t kept) const {
    return "observed " + std::to_string(kept);
  }

  plan::Plan plan;
  std::vector<plan::Instruction> instructions;
  size_t number = 0, numKept = 0;
  int64_t arena;
};
} // namespace

void ObservedPlan::keep(exec::SlotAttr slot, RankedTensorType type) {
  std::string name = exec::stringifyArenaKind(slot.getArena()).str();
  auto from = llvm::find_if(plan.arenas, [&](const plan::Arena &arena) {
    return arena.name == name;
  });
  // One more dim, of all ranks.
  plan::Shape shape = {1};
  llvm::append_range(shape, type.getShape());
  plan::DType dtype = *toPlanDType(type.getElementType());
  plan::Arena &to = plan.arenas[arena];
  plan::BufferId source = plan.buffers.size(), target = source + 1;
  plan.buffers.push_back(
      {from - plan.arenas.begin(), slot.getOffset(), dtype, shape});
  plan.buffers.push_back({arena, to.bytes, dtype, shape});
  int64_t bytes = llvm::alignTo(exec::getNumBytes(type), to.alignment);
  to.bytes += bytes;
  plan.memory.peak += bytes;
  plan::Instruction copy = plan.instructions.back();
  copy.op = plan::Copy{source, target};
  plan.instructions.push_back(std::move(copy));
  plan::Output output;
  output.name = getName(numKept++);
  output.dtype = dtype;
  output.buffer = target;
  output.shape = shape;
  output.shape[0] = plan.mesh.numRanks();
  output.sharding.dims.resize(shape.size());
  for (const plan::MeshAxis &axis : plan.mesh.axes)
    output.sharding.dims[0].push_back({axis.name});
  plan.outputs.push_back(output);
}

FailureOr<std::vector<Blocks>>
ObservedPlan::run(const ::fabric::runtime::RunInputs &inputs,
                  ModuleOp program) {
  auto outputs = ::fabric::runtime::runLocal(plan, inputs);
  if (outputs.failed())
    return program.emitError() << outputs.message();
  std::vector<Blocks> kept(numKept);
  for (size_t index = 0; index < numKept; ++index) {
    Tensor all = fromHostTensor(outputs->outputs.front().at(getName(index)));
    ArrayRef<int64_t> shape = ArrayRef(all.shape).drop_front();
    for (int64_t rank = 0; rank < all.shape.front(); ++rank) {
      Tensor &block = kept[index].emplace_back(shape, all.kind);
      int64_t size = block.getNumElements();
      if (all.isFloat())
        std::copy_n(all.floats.begin() + rank * size, size,
                    block.floats.begin());
      else
        std::copy_n(all.integers.begin() + rank * size, size,
                    block.integers.begin());
    }
  }
  return kept;
}

/// Other blocks of the result are still to be written, and may be anything.
static bool isIncomplete(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto gemm = dyn_cast<exec::GemmOp>(user);
    return gemm && gemm.getTarget() == value;
  });
}

static FailureOr<std::string> findInstruction(ModuleOp program,
                                              ArrayRef<Tensor> values,
                                              const CompileOptions &options,
                                              double tolerance) {
  func::FuncOp model = *findModel(program);
  FailureOr<Run> run = runModel(model, values);
  if (failed(run))
    return failure();
  FailureOr<plan::Plan> emitted = emitPlan(program, options.target);
  if (failed(emitted))
    return failure();
  emitted->fingerprint.assign(64, '0'); // Some: a plan has one.
  ObservedPlan observed(std::move(*emitted));
  SmallVector<std::pair<int64_t, Value>> kept;
  int64_t number = 0;
  for (Operation &op : model.getBody().front().without_terminator()) {
    if (isa<exec::ViewOp, exec::PeerViewOp, exec::ConstantOp>(op))
      continue;
    observed.advance();
    for (OpResult result : op.getResults())
      if (!isIncomplete(result)) {
        observed.keep(cast<exec::PlannedOpInterface>(op).getSlotOf(
                          result.getResultNumber()),
                      cast<RankedTensorType>(result.getType()));
        kept.push_back({number, result});
      }
    ++number;
  }
  assert(observed.isAtEnd() && "an instruction an op");
  auto actual = observed.run(makeRunInputs(model, values), program);
  if (failed(actual))
    return failure();
  double floor = getFloor(*run);
  for (auto [index, value] : llvm::enumerate(kept)) {
    double error = getError(run->values.find(value.second)->second,
                            (*actual)[index], floor);
    if (!(error <= tolerance))
      return "the lowered program agrees, the plan does not: first in "
             "instruction " +
             std::to_string(value.first) + ", " +
             describeDifference(value.second.getDefiningOp(), error);
  }
  return std::string("every instruction agrees: what leaves the plan does not");
}

FailureOr<std::string> mlir::fabric::findLoweredDifference(
    ModuleOp program, ArrayRef<Tensor> values, ArrayRef<Tensor> expected,
    const CompileOptions &options, double tolerance) {
  std::string found;
  auto checker =
      std::make_unique<CheckPasses>(values, expected, tolerance, found);
  if (failed(checker->start(program)))
    return failure();
  CompileOptions checking = options;
  checking.afterPhase = [&](PassManager &pm, Phase phase) {
    if (options.afterPhase)
      options.afterPhase(pm, phase);
    pm.addInstrumentation(std::move(checker));
  };
  if (failed(runPhases(program, checking, Phase::Lower, Phase::Lower)))
    return failure();
  if (!found.empty())
    return found;
  return findInstruction(program, values, options, tolerance);
}
