//===- KernelsTest.cpp - Compiled kernels against plain loops -------------===//

#include "KernelHarness.h"
#include <cmath>

using namespace fabric_test;
using fabric::BFloat16;
using fabric::Float16;

namespace {

template <typename T> struct Format;
template <> struct Format<float> {
  static constexpr const char *name = "f32";
  static constexpr double tolerance = 4e-7;
  using Compute = float;
};
template <> struct Format<double> {
  static constexpr const char *name = "f64";
  static constexpr double tolerance = 1e-15;
  using Compute = double;
};
// Where f32's exp is one unit off, a rounding to 16 bits can fall the other
// way, once an op.
template <> struct Format<BFloat16> {
  static constexpr const char *name = "bf16";
  static constexpr double tolerance = 0x1p-6;
  using Compute = float;
};
template <> struct Format<Float16> {
  static constexpr const char *name = "f16";
  static constexpr double tolerance = 0x1p-9;
  using Compute = float;
};

/// As the op's result is kept.
template <typename T> double rounded(double value) {
  return fabric::toDouble(fabric::convertFloat<T>(
      static_cast<double>(static_cast<typename Format<T>::Compute>(value))));
}

/// Replaces $T by a type and $S by a shape.
std::string instantiate(llvm::StringRef text, llvm::StringRef type,
                        llvm::StringRef shape = "") {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == 'T') {
      result += type;
      ++i;
    } else if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == 'S') {
      result += shape;
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

void expectClose(double actual, double expected, double tolerance,
                 const char *what) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << what;
    return;
  }
  if (actual == expected)
    return;
  EXPECT_LE(std::fabs(actual - expected),
            tolerance * std::max(std::fabs(expected), 0x1p-14))
      << what << ": " << actual << " for " << expected;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

//===----------------------------------------------------------------------===//
// The gated SiLU
//===----------------------------------------------------------------------===//

template <typename T> class GatedSilu : public ::testing::Test {};
using Formats = ::testing::Types<float, double, BFloat16, Float16>;
TYPED_TEST_SUITE(GatedSilu, Formats);

constexpr llvm::StringLiteral forwardText = R"mlir(
  func.func @kernel_0(%a: tensor<$Sx$T>, %b: tensor<$Sx$T>) -> tensor<$Sx$T> {
    %0 = fabric.silu %a : tensor<$Sx$T>
    %1 = fabric.mul %0, %b : tensor<$Sx$T>
    return %1 : tensor<$Sx$T>
  })mlir";

// What differentiating silu(a) * b gives.
constexpr llvm::StringLiteral backwardText = R"mlir(
  func.func @kernel_0(%a: tensor<$Sx$T>, %b: tensor<$Sx$T>, %dy: tensor<$Sx$T>)
      -> (tensor<$Sx$T>, tensor<$Sx$T>) {
    %one = fabric.constant dense<1.0> : tensor<$Sx$T>
    %silu = fabric.silu %a : tensor<$Sx$T>
    %db = fabric.mul %dy, %silu : tensor<$Sx$T>
    %dsilu = fabric.mul %dy, %b : tensor<$Sx$T>
    %s = fabric.sigmoid %a : tensor<$Sx$T>
    %rest = fabric.sub %one, %s : tensor<$Sx$T>
    %as = fabric.mul %a, %s : tensor<$Sx$T>
    %curve = fabric.mul %as, %rest : tensor<$Sx$T>
    %slope = fabric.add %s, %curve : tensor<$Sx$T>
    %da = fabric.mul %dsilu, %slope : tensor<$Sx$T>
    return %da, %db : tensor<$Sx$T>, tensor<$Sx$T>
  })mlir";

TYPED_TEST(GatedSilu, Forward) {
  using T = TypeParam;
  for (auto [shape, size] : {std::pair<const char *, size_t>{"1", 1},
                             {"7", 7},
                             {"16x256", 4096},
                             {"13x17", 221},
                             {"1000003", 1000003}}) {
    Compiler compiler;
    auto library =
        compiler.load(instantiate(forwardText, Format<T>::name, shape));
    Buffer<T> a(size, [](size_t i) { return noise(i, 1, 9.0); });
    Buffer<T> b(size, [](size_t i) { return noise(i, 2, 3.0); });
    Buffer<T> y(size);
    library->call("kernel_0", {a.get(), b.get(), y.get()});
    for (size_t i = 0; i < size; ++i) {
      double silu = rounded<T>(a.at(i) * sigmoid(a.at(i)));
      expectClose(y.at(i), rounded<T>(silu * b.at(i)), Format<T>::tolerance,
                  shape);
    }
    EXPECT_TRUE(y.hasIntactEnd());
  }
}

TYPED_TEST(GatedSilu, Backward) {
  using T = TypeParam;
  constexpr size_t size = 13 * 17 * 3;
  Compiler compiler;
  auto library =
      compiler.load(instantiate(backwardText, Format<T>::name, "13x17x3"));
  Buffer<T> a(size, [](size_t i) { return noise(i, 1, 9.0); });
  Buffer<T> b(size, [](size_t i) { return noise(i, 2, 3.0); });
  Buffer<T> dy(size, [](size_t i) { return noise(i, 3, 2.0); });
  Buffer<T> da(size), db(size);
  library->call("kernel_0", {a.get(), b.get(), dy.get(), da.get(), db.get()});
  for (size_t i = 0; i < size; ++i) {
    auto r = rounded<T>;
    double x = a.at(i), s = r(sigmoid(x));
    expectClose(db.at(i), r(dy.at(i) * r(x * sigmoid(x))), Format<T>::tolerance,
                "db");
    double slope = r(s + r(r(x * s) * r(1.0 - s)));
    double exact = r(r(dy.at(i) * b.at(i)) * slope);
    // The slope cancels near its root: measured against its parts.
    double scale = std::fabs(dy.at(i) * b.at(i)) * (s + std::fabs(x) * s);
    EXPECT_LE(std::fabs(da.at(i) - exact),
              4 * Format<T>::tolerance * scale + 1e-30);
  }
  EXPECT_TRUE(da.hasIntactEnd() && db.hasIntactEnd());
}

} // namespace
