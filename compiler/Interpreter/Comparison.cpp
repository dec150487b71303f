//===- Comparison.cpp - Inputs for two runs, and their results ------------===//

#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "dialects/Fabric/IR/Fabric.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

static Tensor makeRandom(RankedTensorType type, uint64_t seed, unsigned index,
                         RandomKind kind) {
  std::seed_seq sequence{static_cast<uint32_t>(seed),
                         static_cast<uint32_t>(seed >> 32),
                         static_cast<uint32_t>(index)};
  std::mt19937_64 engine(sequence);
  std::normal_distribution<double> normal;
  // Not a standard distribution, whose numbers differ between libraries.
  auto smallInteger = [&] { return static_cast<int64_t>(engine() % 7) - 3; };
  Tensor tensor = Tensor::zeros(type);
  for (int64_t &element : tensor.integers)
    element = type.getElementType().isInteger(1) ? (smallInteger() & 1)
                                                 : smallInteger();
  for (double &element : tensor.floats)
    element = kind == RandomKind::Normal ? normal(engine)
                                         : static_cast<double>(smallInteger());
  return tensor;
}

SmallVector<Tensor>
mlir::fabric::interpreter::makeRandomInputs(func::FuncOp function,
                                            uint64_t seed, RandomKind kind) {
  SmallVector<Tensor> inputs;
  for (auto [index, type] : llvm::enumerate(getGlobalArgumentTypes(function))) {
    if (auto scalar = function.getArgAttrOfType<ScalarAttr>(
            index, FabricDialect::kScalarAttr)) {
      double value = scalar.getName() == "step"
                         ? 3.0
                         : scalar.getDefaultValue().getValueAsDouble();
      inputs.push_back(Tensor::scalar(value));
      continue;
    }
    Tensor tensor = makeRandom(type, seed, index, kind);
    auto state =
        function.getArgAttrOfType<StateAttr>(index, FabricDialect::kStateAttr);
    if (state && state.getName() == "exp_avg_sq")
      for (double &element : tensor.floats)
        element = std::abs(element);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// The name of an argument in the model.
static std::string argumentName(func::FuncOp function, unsigned index) {
  if (auto input = function.getArgAttrOfType<InputAttr>(
          index, FabricDialect::kInputAttr))
    return input.getName().str();
  if (auto param = function.getArgAttrOfType<ParamAttr>(
          index, FabricDialect::kParamAttr))
    return param.getName().str();
  if (auto state = function.getArgAttrOfType<StateAttr>(
          index, FabricDialect::kStateAttr))
    return (state.getParam().getValue() + "." + state.getName().getValue())
        .str();
  return ("argument " + Twine(index)).str();
}

SmallVector<std::string>
mlir::fabric::interpreter::getResultNames(func::FuncOp function) {
  SmallVector<std::string> names;
  for (unsigned index = 0; index < function.getNumResults(); ++index) {
    if (auto name = function.getResultAttrOfType<StringAttr>(
            index, FabricDialect::kResultAttr))
      names.push_back(name.str());
    else if (auto argument = function.getResultAttrOfType<IntegerAttr>(
                 index, FabricDialect::kUpdateOfAttr))
      names.push_back("update of " + argumentName(function, argument.getInt()));
    else
      names.push_back(("result " + Twine(index)).str());
  }
  return names;
}

SmallVector<Comparison> mlir::fabric::interpreter::compareResults(
    ArrayRef<std::string> names, ArrayRef<Tensor> expected,
    ArrayRef<Tensor> actual, double tolerance) {
  double squares = 0.0;
  for (const Tensor &tensor : expected)
    if (tensor.isFloat())
      squares += norm(tensor) * norm(tensor);
  double floor = 1e-3 * std::sqrt(squares);
  SmallVector<Comparison> comparisons;
  for (auto [name, want, have] : llvm::zip_equal(names, expected, actual)) {
    double error = relativeError(want, have, floor);
    // A NaN or an infinity on both sides proves nothing.
    bool finite =
        llvm::all_of(want.floats, [](double x) { return std::isfinite(x); });
    bool agrees = tolerance == 0.0 || !want.isFloat()
                      ? isBitwiseEqual(want, have)
                      : error <= tolerance;
    comparisons.push_back({name, error, agrees && finite});
  }
  return comparisons;
}
