//===- AdamWTest.cpp - Training steps against PyTorch's -------------------===//

#include "mlir/Pass/PassManager.h"
#include "passes/Training/Passes.h"
#include "test/unit/Compiler/InterpreterFixture.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric::interpreter;

namespace {

class AdamWTest : public InterpreterFixture {
protected:
  /// The training step of a model.
  func::FuncOp train(const std::string &text) {
    if (!parse(text))
      return nullptr;
    PassManager passes(&context);
    passes.addPass(training::createDifferentiatePass());
    passes.addPass(training::createApplyOptimizerPass());
    passes.addPass(training::createVerifyTrainedPass());
    EXPECT_TRUE(succeeded(passes.run(*module))) << diagnostics;
    return *fabric::findModel(*module);
  }

  /// Runs a step and puts updates in place; returns the loss.
  double step(func::FuncOp model, SmallVector<Tensor> &arguments,
              double number) {
    arguments.back() = Tensor::scalar(number);
    FailureOr<SmallVector<Tensor>> results = interpret(model, arguments);
    EXPECT_TRUE(succeeded(results)) << diagnostics;
    for (unsigned i = 0; i < model.getNumResults(); ++i)
      if (auto argument = model.getResultAttrOfType<IntegerAttr>(
              i, fabric::FabricDialect::kUpdateOfAttr))
        arguments[argument.getInt()] = (*results)[i];
    return results->front().at(0);
  }

  void expectNear(const Tensor &actual, std::vector<double> expected) {
    EXPECT_LT(
        relativeError(floats({static_cast<int64_t>(expected.size())}, expected),
                      actual),
        1e-14);
  }
};

const char *quadratic = R"(
  module attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 1.0e-6>} {
  func.func @f(%p: tensor<3xf64> {fabric.param = #fabric.param<"p">}, %c: tensor<3xf64> {fabric.input = #fabric.input<"c">})
      -> (tensor<f64> {fabric.result = "loss"}) {
    %0 = fabric.mul %p, %p : tensor<3xf64>
    %1 = fabric.mul %0, %c : tensor<3xf64>
    %2 = fabric.sum %1 dims = [0] : tensor<3xf64> -> tensor<f64>
    return %2 : tensor<f64>
  }})";

// What torch.optim.AdamW(lr=3e-3, weight_decay=0.1, betas=(0.8, 0.95),
// eps=1e-6) made of the same program (torch 2, f64).
TEST_F(AdamWTest, FourStepsOfPyTorch) {
  func::FuncOp model = train(quadratic);
  ASSERT_TRUE(model);
  SmallVector<Tensor> arguments = {
      floats({3}, {0.5, -1.25, 2.0}), floats({3}, {1.0, -0.5, 0.25}),
      Tensor::splat({3}, 0.0),        Tensor::splat({3}, 0.0),
      Tensor::scalar(3e-3),           Tensor::scalar(0)};
  EXPECT_DOUBLE_EQ(step(model, arguments, 1), 0.46875);
  expectNear(arguments[0],
             {0.49685000299999704, -1.252624997600002, 1.996400002999997});
  EXPECT_DOUBLE_EQ(step(model, arguments, 2), 0.45872847616949175);
  EXPECT_DOUBLE_EQ(step(model, arguments, 3), 0.44873009512363815);
  EXPECT_DOUBLE_EQ(step(model, arguments, 4), 0.4387552873591761);
  expectNear(arguments[0],
             {0.48741280153240796, -1.2604975579406983, 1.9856084872469473});
  expectNear(arguments[2],
             {0.5838005150986678, 0.7407506368760247, 0.5885141153706376});
  expectNear(arguments[3],
             {0.18186685218929885, 0.29174241239172777, 0.1844517860845192});
}

// Against the paper's form of the update, with a learning rate that changes.
TEST_F(AdamWTest, TheLearningRateIsAnArgument) {
  func::FuncOp model = train(quadratic);
  ASSERT_TRUE(model);
  Tensor c = random({3}), p = random({3});
  SmallVector<Tensor> arguments = {p,
                                   c,
                                   Tensor::splat({3}, 0.0),
                                   Tensor::splat({3}, 0.0),
                                   Tensor::scalar(0),
                                   Tensor::scalar(0)};
  std::vector<double> x = p.floats, m(3, 0.0), v(3, 0.0);
  for (int t = 1; t <= 6; ++t) {
    double lr = 0.01 / t;
    arguments[4] = Tensor::scalar(lr);
    step(model, arguments, t);
    for (int i = 0; i < 3; ++i) {
      double g = 2 * x[i] * c.floats[i];
      m[i] += (g - m[i]) * (1 - 0.8);
      v[i] += (g * g - v[i]) * (1 - 0.95);
      double mHat = m[i] / (1 - std::pow(0.8, t));
      double vHat = v[i] / (1 - std::pow(0.95, t));
      x[i] = x[i] * (1 - lr * 0.1) - lr * mHat / (std::sqrt(vHat) + 1e-6);
    }
    expectNear(arguments[0], x);
  }
}

} // namespace
