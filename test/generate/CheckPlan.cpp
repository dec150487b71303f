//===- CheckPlan.cpp - A program against its compiled plan ----------------===//
//
// Fusion, products, memory plan, generated code and runtime, all at once: what
// a plan overwrites too early, reads too late or orders wrongly shows as a
// wrong number.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/Compile.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Verify/Values.h"
#include "runtime/Executor/Session.h"
#include "test/generate/Check.h"
#include "test/generate/CollectErrors.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using interpreter::Comparison;
using interpreter::Tensor;
namespace plan = ::fabric::plan;
using ::fabric::runtime::HostTensor;
using Status = Outcome::Status;

/// Random data and parameters; states and scalars as the first step has them.
static SmallVector<Tensor> makeInputs(func::FuncOp step, bool whole) {
  auto kind = whole ? interpreter::RandomKind::SmallIntegers
                    : interpreter::RandomKind::Normal;
  SmallVector<Tensor> inputs = interpreter::makeRandomInputs(step, 0, kind);
  for (unsigned i = 0; i < step.getNumArguments(); ++i) {
    if (step.getArgAttr(i, FabricDialect::kStateAttr))
      inputs[i] = Tensor(inputs[i].shape, Tensor::Kind::Float);
    auto scalar =
        step.getArgAttrOfType<ScalarAttr>(i, FabricDialect::kScalarAttr);
    if (scalar && scalar.getName() == "step")
      inputs[i] = Tensor::scalar(1.0);
  }
  return inputs;
}

/// In the element type of the program.
static HostTensor toHost(const Tensor &tensor, Type type) {
  HostTensor wide = toHostTensor(tensor, cast<RankedTensorType>(type));
  if (!getElementTypeOrSelf(type).isF32())
    return wide;
  HostTensor narrow = HostTensor::zeros(plan::DType::F32, wide.shape);
  std::copy_n(wide.data<double>(), wide.numElements(), narrow.data<float>());
  return narrow;
}

static ::fabric::runtime::RunInputs toRunInputs(func::FuncOp step,
                                                ArrayRef<Tensor> values) {
  ::fabric::runtime::RunInputs run;
  run.inputs.emplace_back();
  for (auto [i, value] : llvm::enumerate(values)) {
    HostTensor tensor = toHost(value, step.getArgumentTypes()[i]);
    if (auto input =
            step.getArgAttrOfType<InputAttr>(i, FabricDialect::kInputAttr))
      run.inputs[0][input.getName().str()] = tensor;
    if (auto param =
            step.getArgAttrOfType<ParamAttr>(i, FabricDialect::kParamAttr))
      run.parameters[param.getName().str()] = tensor;
  }
  return run;
}

/// Named results, then new parameters, as the plan has them. A line for each
/// that is off.
static std::string compare(func::FuncOp step, ArrayRef<Tensor> results,
                           const ::fabric::runtime::RunOutputs &outputs,
                           double tolerance) {
  SmallVector<std::string> names;
  SmallVector<Tensor> expected, actual;
  for (unsigned i = 0; i < step.getNumResults(); ++i) {
    auto name =
        step.getResultAttrOfType<StringAttr>(i, FabricDialect::kResultAttr);
    auto target =
        step.getResultAttrOfType<IntegerAttr>(i, FabricDialect::kUpdateOfAttr);
    auto param = target ? step.getArgAttrOfType<ParamAttr>(
                              target.getInt(), FabricDialect::kParamAttr)
                        : ParamAttr();
    if (!name && !param)
      continue;
    names.push_back(name ? name.str() : param.getName().str());
    expected.push_back(results[i]);
    actual.push_back(fromHostTensor(name
                                        ? outputs.outputs[0].at(names.back())
                                        : outputs.parameters.at(names.back())));
  }
  std::string differences;
  llvm::raw_string_ostream os(differences);
  for (const Comparison &comparison :
       interpreter::compareResults(names, expected, actual, tolerance))
    if (!comparison.agrees)
      os << comparison.name << " is off by " << comparison.error << "\n";
  return differences;
}

Outcome mlir::fabric::generate::checkPlan(ModuleOp program,
                                          const CheckOptions &options) {
  CollectErrors errors(program.getContext());
  CompileOptions compile;
  compile.memory = options.memory;
  compile.overlap = options.overlap;
  compile.joinProducts = options.joinProducts;
  compile.target = options.target;
  compile.comm.sharedMemory = options.sharedMemory;
  compile.minPiece = options.sharedMemory ? 1 : compile.minPiece;
  OwningOpRef<ModuleOp> trained = program.clone();
  if (failed(runPhases(*trained, compile, Phase::Train)))
    return {Status::Fails, "train", errors.take()};
  auto step = *trained->getOps<func::FuncOp>().begin();
  SmallVector<Tensor> inputs = makeInputs(step, options.whole);
  auto results = interpreter::interpret(step, inputs);
  if (failed(results))
    return {Status::Fails, "train", errors.take()};

  OwningOpRef<ModuleOp> compiling = program.clone();
  auto compiled = compilePlan(*compiling, "", compile);
  if (failed(compiled))
    return Outcome::fromErrors("plan", errors.take());
  for (const auto &instruction : compiled->plan.instructions)
    if (std::holds_alternative<plan::Copy>(instruction.op))
      return {Status::Fails, "plan", "the plan has copies"};
  ::fabric::runtime::RunInputs run = toRunInputs(step, inputs);
  auto outputs = ::fabric::runtime::runLocal(compiled->plan, run);
  if (outputs.failed())
    return {Status::Fails, "plan", "the run fails: " + outputs.message()};
  std::string difference = compare(step, *results, *outputs,
                                   options.whole ? 0.0 : options.tolerance);
  if (!difference.empty())
    return {Status::Differs, "plan", difference};
  if (options.afterRun)
    options.afterRun(compiled->plan, run, *outputs);
  return {};
}
