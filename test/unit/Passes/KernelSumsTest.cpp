//===- KernelSumsTest.cpp - Sums and shapes of compiled kernels -----------===//

#include "KernelHarness.h"
#include <cmath>

using namespace fabric_test;
using fabric::BFloat16;

namespace {

/// sum over some dims of a [planes, rows, columns] tensor.
struct Case {
  int64_t planes, rows, columns;
  const char *dims, *result;
  bool overPlanes, overRows, overColumns;
};

template <typename T> void runSums(const char *type, double tolerance) {
  const Case cases[] = {
      {1, 1, 1, "0, 1, 2", "", true, true, true},
      {1, 13, 17, "0, 1, 2", "", true, true, true},
      {3, 13, 17, "0, 1, 2", "", true, true, true},
      {3, 13, 17, "2", "3x13x", false, false, true},
      {3, 13, 17, "0", "13x17x", true, false, false},
      {3, 13, 17, "1", "3x17x", false, true, false},
      {3, 13, 17, "0, 2", "13x", true, false, true},
      {3, 13, 17, "0, 1", "17x", true, true, false},
      {3, 13, 17, "1, 2", "3x", false, true, true},
      {2, 100, 2500, "0, 1", "2500x", true, true, false},
      {2, 9, 2500, "1", "2x2500x", false, true, false},
      {5, 7, 1024, "0, 2", "7x", true, false, true},
      {1, 1, 7, "2", "1x1x", false, false, true},
      {1, 64, 1, "1", "1x1x", false, true, false},
  };
  for (const Case &c : cases) {
    std::string shape = std::to_string(c.planes) + "x" +
                        std::to_string(c.rows) + "x" +
                        std::to_string(c.columns) + "x" + type;
    std::string result = std::string("tensor<") + c.result + type + ">";
    Compiler compiler;
    auto library = compiler.load(
        "func.func @kernel_0(%a: tensor<" + shape + ">) -> " + result +
        " {\n  %0 = fabric.sum %a dims = [" + c.dims + "] : tensor<" + shape +
        "> -> " + result + "\n  return %0 : " + result + "\n}");
    int64_t planes = c.overPlanes ? 1 : c.planes;
    int64_t rows = c.overRows ? 1 : c.rows;
    int64_t columns = c.overColumns ? 1 : c.columns;
    Buffer<T> a(c.planes * c.rows * c.columns,
                [](size_t i) { return noise(i, 1); });
    Buffer<T> y(planes * rows * columns);
    library->call("kernel_0", {a.get(), y.get()});
    std::vector<double> exact(y.size()), absolute(y.size());
    for (int64_t p = 0; p < c.planes; ++p)
      for (int64_t r = 0; r < c.rows; ++r)
        for (int64_t k = 0; k < c.columns; ++k) {
          int64_t place =
              ((c.overPlanes ? 0 : p) * rows + (c.overRows ? 0 : r)) * columns +
              (c.overColumns ? 0 : k);
          double value = a.at((p * c.rows + r) * c.columns + k);
          exact[place] += value;
          absolute[place] += std::fabs(value);
        }
    for (size_t i = 0; i < y.size(); ++i)
      EXPECT_NEAR(y.at(i), exact[i],
                  tolerance * std::fabs(exact[i]) + 1e-15 * absolute[i])
          << shape << " over " << c.dims << " at " << i;
    EXPECT_TRUE(y.hasIntactEnd());
  }
}

// Rounded once, from f64.
TEST(KernelSums, F32) { runSums<float>("f32", 0x1p-24); }
TEST(KernelSums, F64) { runSums<double>("f64", 0x1p-52); }
TEST(KernelSums, BF16) { runSums<BFloat16>("bf16", 0x1.01p-8); }

TEST(KernelSums, TenMillionElements) {
  constexpr size_t size = 10000019;
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<10000019xf32>) -> tensor<f32> {
      %0 = fabric.sum %a dims = [0] : tensor<10000019xf32> -> tensor<f32>
      return %0 : tensor<f32>
    })mlir");
  Buffer<float> a(size, [](size_t i) { return 1.0 + noise(i, 1); });
  Buffer<float> first(1), second(1);
  library->call("kernel_0", {a.get(), first.get()});
  library->call("kernel_0", {a.get(), second.get()});
  double exact = 0.0;
  for (size_t i = 0; i < size; ++i)
    exact += a.at(i);
  EXPECT_NEAR(first.at(0), exact, 1e-7 * exact);
  EXPECT_EQ(first[0], second[0]);
}

TEST(KernelSums, SeveralInOneKernel) {
  // Row sums and column sums cannot share loops; the value that is stored takes
  // over the operand's buffer, which both read.
  Compiler compiler;
  constexpr llvm::StringLiteral text = R"mlir(
    func.func @kernel_0(%a: tensor<50x70xf32>)
        -> (tensor<50xf32>, tensor<50x70xf32>, tensor<70xf32>, tensor<f32>) {
      %0 = fabric.neg %a : tensor<50x70xf32>
      %1 = fabric.sum %a dims = [1] : tensor<50x70xf32> -> tensor<50xf32>
      %2 = fabric.sum %0 dims = [0] : tensor<50x70xf32> -> tensor<70xf32>
      %3 = fabric.sum %a dims = [0, 1] : tensor<50x70xf32> -> tensor<f32>
      return %1, %0, %2, %3 : tensor<50xf32>, tensor<50x70xf32>, tensor<70xf32>, tensor<f32>
    })mlir";
  auto library = compiler.load(text);
  Buffer<float> a(50 * 70, [](size_t i) { return noise(i, 1); });
  std::vector<double> rows(50), columns(70);
  double all = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    rows[i / 70] += a.at(i);
    columns[i % 70] -= a.at(i);
    all += a.at(i);
  }
  Buffer<float> original = a.clone(), y1(50), y3(70), y4(1);
  library->call("kernel_0", {a.get(), y1.get(), a.get(), y3.get(), y4.get()});
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i], -original[i]);
  for (size_t i = 0; i < 50; ++i)
    EXPECT_NEAR(y1.at(i), rows[i], 1e-6);
  for (size_t i = 0; i < 70; ++i)
    EXPECT_NEAR(y3.at(i), columns[i], 1e-6);
  EXPECT_NEAR(y4.at(0), all, 1e-5);
}

TEST(KernelSums, OfConstantsAndBroadcasts) {
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<20xf32>) -> (tensor<f32>, tensor<20xf32>, tensor<100xf32>) {
      %c = fabric.constant dense<0.5> : tensor<100x20xf32>
      %0 = fabric.sum %c dims = [0, 1] : tensor<100x20xf32> -> tensor<f32>
      %b = fabric.broadcast %a dims = [1] : tensor<20xf32> -> tensor<100x20xf32>
      %1 = fabric.sum %b dims = [0] : tensor<100x20xf32> -> tensor<20xf32>
      %2 = fabric.sum %b dims = [1] : tensor<100x20xf32> -> tensor<100xf32>
      return %0, %1, %2 : tensor<f32>, tensor<20xf32>, tensor<100xf32>
    })mlir");
  Buffer<float> a(20, [](size_t i) { return static_cast<double>(i); });
  Buffer<float> y0(1), y1(20), y2(100);
  library->call("kernel_0", {a.get(), y0.get(), y1.get(), y2.get()});
  EXPECT_EQ(y0.at(0), 1000.0);
  for (size_t i = 0; i < 20; ++i)
    EXPECT_EQ(y1.at(i), 100.0 * static_cast<double>(i));
  for (size_t i = 0; i < 100; ++i)
    EXPECT_EQ(y2.at(i), 190.0);
}

TEST(KernelShapes, TransposesOfAllRanks) {
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<5x35x17xf32>, %b: tensor<17x5x35xf32>)
        -> (tensor<17x5x35xf32>, tensor<35x17x5xf32>) {
      %0 = fabric.transpose %a permutation = [2, 0, 1] : tensor<5x35x17xf32> -> tensor<17x5x35xf32>
      %1 = fabric.add %0, %b : tensor<17x5x35xf32>
      %2 = fabric.transpose %1 permutation = [2, 0, 1] : tensor<17x5x35xf32> -> tensor<35x17x5xf32>
      return %1, %2 : tensor<17x5x35xf32>, tensor<35x17x5xf32>
    })mlir");
  Buffer<float> a(5 * 35 * 17, [](size_t i) { return noise(i, 1); });
  Buffer<float> b(5 * 35 * 17, [](size_t i) { return noise(i, 2); });
  Buffer<float> y(5 * 35 * 17), z(5 * 35 * 17);
  library->call("kernel_0", {a.get(), b.get(), y.get(), z.get()});
  for (size_t i = 0; i < 17; ++i)
    for (size_t j = 0; j < 5; ++j)
      for (size_t k = 0; k < 35; ++k) {
        float expected = a[(j * 35 + k) * 17 + i] + b[(i * 5 + j) * 35 + k];
        EXPECT_EQ(y[(i * 5 + j) * 35 + k], expected);
        EXPECT_EQ(z[(k * 17 + i) * 5 + j], expected);
      }
  EXPECT_TRUE(y.hasIntactEnd() && z.hasIntactEnd());
}

TEST(KernelShapes, RankZero) {
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<f32>, %b: tensor<f64>) -> (tensor<f32>, tensor<f64>) {
      %0 = fabric.silu %a : tensor<f32>
      %1 = fabric.sigmoid %b : tensor<f64>
      return %0, %1 : tensor<f32>, tensor<f64>
    })mlir");
  Buffer<float> a(1, [](size_t) { return 0.75; }), y(1);
  Buffer<double> b(1, [](size_t) { return -1.5; }), z(1);
  library->call("kernel_0", {a.get(), b.get(), y.get(), z.get()});
  EXPECT_NEAR(y.at(0), 0.75 / (1.0 + std::exp(-0.75)), 1e-7);
  EXPECT_NEAR(z.at(0), 1.0 / (1.0 + std::exp(1.5)), 1e-16);
  EXPECT_TRUE(y.hasIntactEnd() && z.hasIntactEnd());
}

} // namespace
