//===- InterpreterFixture.h - Programs in tests -----------------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_COMPILER_INTERPRETERFIXTURE_H
#define FABRIC_TEST_UNIT_COMPILER_INTERPRETERFIXTURE_H

#include "compiler/Interpreter/Interpreter.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "dialects/Fabric/IR/Model.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <random>

namespace mlir::fabric::interpreter {

class InterpreterFixture : public ::testing::Test {
protected:
  InterpreterFixture()
      : handler(&context, [this](Diagnostic &diagnostic) {
          diagnostics += diagnostic.str() + "\n";
        }) {
    context.loadDialect<dist::DistDialect, FabricDialect, func::FuncDialect>();
  }

  func::FuncOp parse(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << diagnostics << text;
    if (!module)
      return nullptr;
    FailureOr<func::FuncOp> model = findModel(*module);
    return succeeded(model) ? *model : nullptr;
  }

  /// Runs a program that must not fail.
  SmallVector<Tensor> run(const std::string &text, ArrayRef<Tensor> inputs) {
    func::FuncOp model = parse(text);
    if (!model)
      return {};
    FailureOr<SmallVector<Tensor>> results = interpret(model, inputs);
    EXPECT_TRUE(succeeded(results)) << diagnostics;
    return succeeded(results) ? *results : SmallVector<Tensor>();
  }

  /// The diagnostics of a program that must fail when it runs.
  std::string runError(const std::string &text, ArrayRef<Tensor> inputs) {
    func::FuncOp model = parse(text);
    if (!model)
      return "";
    EXPECT_TRUE(failed(interpret(model, inputs)));
    return diagnostics;
  }

  Tensor random(ArrayRef<int64_t> shape) {
    Tensor tensor(shape, Tensor::Kind::Float);
    std::normal_distribution<double> normal;
    for (double &element : tensor.floats)
      element = normal(engine);
    return tensor;
  }

  static Tensor floats(ArrayRef<int64_t> shape, std::vector<double> values) {
    Tensor tensor(shape, Tensor::Kind::Float);
    EXPECT_EQ(tensor.floats.size(), values.size());
    tensor.floats = std::move(values);
    return tensor;
  }

  MLIRContext context;
  std::string diagnostics;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  std::mt19937_64 engine{7};
};

} // namespace mlir::fabric::interpreter

#endif // FABRIC_TEST_UNIT_COMPILER_INTERPRETERFIXTURE_H
