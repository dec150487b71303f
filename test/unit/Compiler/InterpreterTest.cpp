//===- InterpreterTest.cpp - The oracle against hand-made values ----------===//

#include "test/unit/Compiler/InterpreterFixture.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric::interpreter;

namespace {

class InterpreterTest : public InterpreterFixture {};

TEST_F(InterpreterTest, Elementwise) {
  auto results = run(R"(
    func.func @f(%a: tensor<2xf32>, %b: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
      %0 = fabric.add %a, %b : tensor<2xf32>
      %1 = fabric.sub %a, %b : tensor<2xf32>
      %2 = fabric.mul %a, %b : tensor<2xf32>
      %3 = fabric.neg %a : tensor<2xf32>
      %4 = fabric.sigmoid %a : tensor<2xf32>
      %5 = fabric.silu %a : tensor<2xf32>
      return %0, %1, %2, %3, %4, %5 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
    })",
                     {floats({2}, {1.0, -2.0}), floats({2}, {4.0, 0.5})});
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(results[0].floats, (std::vector<double>{5.0, -1.5}));
  EXPECT_EQ(results[1].floats, (std::vector<double>{-3.0, -2.5}));
  EXPECT_EQ(results[2].floats, (std::vector<double>{4.0, -1.0}));
  EXPECT_EQ(results[3].floats, (std::vector<double>{-1.0, 2.0}));
  EXPECT_DOUBLE_EQ(results[4].floats[0], 0.7310585786300049);
  EXPECT_DOUBLE_EQ(results[5].floats[1], -0.2384058440442351);
}

TEST_F(InterpreterTest, CastKeepsTheLowBitsOfIntegers) {
  Tensor input({3}, Tensor::Kind::Integer);
  input.integers = {300, -1, 2};
  auto results = run(R"(
    func.func @f(%a: tensor<3xi64>) -> (tensor<3xi8>, tensor<3xi1>, tensor<3xf32>) {
      %0 = fabric.cast %a : tensor<3xi64> -> tensor<3xi8>
      %1 = fabric.cast %a : tensor<3xi64> -> tensor<3xi1>
      %2 = fabric.cast %1 : tensor<3xi1> -> tensor<3xf32>
      return %0, %1, %2 : tensor<3xi8>, tensor<3xi1>, tensor<3xf32>
    })",
                     {input});
  EXPECT_EQ(results[0].integers, (std::vector<int64_t>{44, -1, 2}));
  EXPECT_EQ(results[1].integers, (std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(results[2].floats, (std::vector<double>{0.0, 1.0, 0.0}));
}

TEST_F(InterpreterTest, Shapes) {
  Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  auto results = run(R"(
    func.func @f(%a: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<3xf32>, tensor<2xf32>, tensor<f32>, tensor<2x2x3xf32>, tensor<6xf32>, tensor<2xf32>) {
      %0 = fabric.transpose %a permutation = [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
      %1 = fabric.sum %a dims = [0] : tensor<2x3xf32> -> tensor<3xf32>
      %2 = fabric.sum %a dims = [1] : tensor<2x3xf32> -> tensor<2xf32>
      %3 = fabric.sum %a dims = [0, 1] : tensor<2x3xf32> -> tensor<f32>
      %4 = fabric.broadcast %a dims = [0, 2] : tensor<2x3xf32> -> tensor<2x2x3xf32>
      %5 = fabric.reshape %0 : tensor<3x2xf32> -> tensor<6xf32>
      %6 = fabric.constant dense<[0.5, 2.0]> : tensor<2xf32>
      return %0, %1, %2, %3, %4, %5, %6 : tensor<3x2xf32>, tensor<3xf32>, tensor<2xf32>, tensor<f32>, tensor<2x2x3xf32>, tensor<6xf32>, tensor<2xf32>
    })",
                     {x});
  ASSERT_EQ(results.size(), 7u);
  EXPECT_EQ(results[0].floats, (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(results[1].floats, (std::vector<double>{5, 7, 9}));
  EXPECT_EQ(results[2].floats, (std::vector<double>{6, 15}));
  EXPECT_EQ(results[3].floats, (std::vector<double>{21}));
  EXPECT_EQ(results[4].floats,
            (std::vector<double>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(results[5].floats, (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(results[6].floats, (std::vector<double>{0.5, 2.0}));
}

TEST_F(InterpreterTest, LinearIsXTimesWTransposed) {
  auto results = run(
      R"(
    func.func @f(%x: tensor<2x1x2xf32>, %w: tensor<3x2xf32>) -> tensor<2x1x3xf32> {
      %0 = fabric.linear %x, %w : (tensor<2x1x2xf32>, tensor<3x2xf32>) -> tensor<2x1x3xf32>
      return %0 : tensor<2x1x3xf32>
    })",
      {floats({2, 1, 2}, {1, 2, 3, 4}), floats({3, 2}, {1, 0, 0, 1, 10, 100})});
  EXPECT_EQ(results[0].floats, (std::vector<double>{1, 2, 210, 3, 4, 430}));
}

// einsum("bkimj,mnjbk->bkin"): two batch dims, and two contracted dims that the
// operands have in different orders.
TEST_F(InterpreterTest, ContractAgainstNaiveEinsum) {
  constexpr int64_t b = 2, k = 3, i = 2, m = 4, j = 5, n = 3;
  Tensor x = random({b, k, i, m, j}), y = random({m, n, j, b, k});
  auto results = run(R"(
    func.func @f(%x: tensor<2x3x2x4x5xf32>, %y: tensor<4x3x5x2x3xf32>) -> tensor<2x3x2x3xf32> {
      %0 = fabric.contract %x, %y batch = [0, 1] x [3, 4] contract = [4, 3] x [2, 0]
        : (tensor<2x3x2x4x5xf32>, tensor<4x3x5x2x3xf32>) -> tensor<2x3x2x3xf32>
      return %0 : tensor<2x3x2x3xf32>
    })",
                     {x, y});
  Tensor expected({b, k, i, n}, Tensor::Kind::Float);
  for (int64_t B = 0; B < b; ++B)
    for (int64_t K = 0; K < k; ++K)
      for (int64_t I = 0; I < i; ++I)
        for (int64_t N = 0; N < n; ++N)
          for (int64_t M = 0; M < m; ++M)
            for (int64_t J = 0; J < j; ++J)
              expected.floats[((B * k + K) * i + I) * n + N] +=
                  x.floats[(((B * k + K) * i + I) * m + M) * j + J] *
                  y.floats[(((M * n + N) * j + J) * b + B) * k + K];
  EXPECT_LT(relativeError(expected, results[0]), 1e-15);
}

TEST_F(InterpreterTest, UnknownOpIsAnErrorAtTheOp) {
  context.allowUnregisteredDialects();
  EXPECT_EQ(runError(R"(
    func.func @f(%a: tensor<2xf32>) -> tensor<2xf32> {
      %0 = "other.op"(%a) : (tensor<2xf32>) -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })",
                     {floats({2}, {1, 2})}),
            "'other.op' op cannot be interpreted on global tensors\n");
}

TEST_F(InterpreterTest, InputsMustFit) {
  std::string program = R"(
    func.func @f(%a: tensor<2xf32>) -> tensor<2xf32> {
      return %a : tensor<2xf32>
    })";
  EXPECT_EQ(runError(program, {floats({1}, {1})}),
            "'func.func' op argument 0 is of type 'tensor<2xf32>', found a "
            "tensor of floats of shape [1]\n");
  diagnostics.clear();
  EXPECT_EQ(runError(program, {}),
            "'func.func' op takes 1 arguments, found 0\n");
}

TEST_F(InterpreterTest, ObserverSeesValuesInOrder) {
  func::FuncOp model = parse(R"(
    func.func @f(%a: tensor<2xf32>) -> tensor<f32> {
      %0 = fabric.neg %a : tensor<2xf32>
      %1 = fabric.sum %0 dims = [0] : tensor<2xf32> -> tensor<f32>
      return %1 : tensor<f32>
    })");
  std::vector<double> firsts;
  Options options;
  options.observer = [&](int64_t, Value, const Tensor &tensor) {
    firsts.push_back(tensor.at(0));
  };
  ASSERT_TRUE(succeeded(interpret(model, {floats({2}, {1, 2})}, options)));
  EXPECT_EQ(firsts, (std::vector<double>{1, -1, -3}));
}

} // namespace
