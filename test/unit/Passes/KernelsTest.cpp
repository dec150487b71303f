//===- KernelsTest.cpp - Compiled kernels against plain loops -------------===//

#include "KernelHarness.h"
#include <cmath>
#include <limits>

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

TEST(Kernels, BiasAndCasts) {
  // bf16 activations, an f32 bias: what a mixed-precision layer fuses.
  constexpr size_t rows = 13, columns = 37;
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<13x37xbf16>, %bias: tensor<37xf32>,
                        %b: tensor<13x37xbf16>) -> tensor<13x37xbf16> {
      %wide = fabric.cast %a : tensor<13x37xbf16> -> tensor<13x37xf32>
      %all = fabric.broadcast %bias dims = [1] : tensor<37xf32> -> tensor<13x37xf32>
      %x = fabric.add %wide, %all : tensor<13x37xf32>
      %silu = fabric.silu %x : tensor<13x37xf32>
      %gate = fabric.cast %b : tensor<13x37xbf16> -> tensor<13x37xf32>
      %y = fabric.mul %silu, %gate : tensor<13x37xf32>
      %out = fabric.cast %y : tensor<13x37xf32> -> tensor<13x37xbf16>
      return %out : tensor<13x37xbf16>
    })mlir");
  Buffer<BFloat16> a(rows * columns, [](size_t i) { return noise(i, 1, 4.0); });
  Buffer<BFloat16> b(rows * columns, [](size_t i) { return noise(i, 2, 4.0); });
  Buffer<float> bias(columns, [](size_t i) { return noise(i, 3); });
  Buffer<BFloat16> y(rows * columns);
  library->call("kernel_0", {a.get(), bias.get(), b.get(), y.get()});
  for (size_t i = 0; i < y.size(); ++i) {
    double x = rounded<float>(a.at(i) + bias.at(i % columns));
    // Rounded once: only what lies by a middle may fall to the other side.
    double exact = x * sigmoid(x) * b.at(i);
    double low = rounded<BFloat16>(exact * (1.0 - 4e-7));
    double high = rounded<BFloat16>(exact * (1.0 + 4e-7));
    EXPECT_TRUE(y.at(i) == low || y.at(i) == high) << y.at(i) << " " << exact;
  }
  EXPECT_TRUE(y.hasIntactEnd());
}

TEST(Kernels, CastsFromIntegers) {
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%mask: tensor<21xi1>, %count: tensor<21xi64>,
                        %byte: tensor<21xi8>)
        -> (tensor<21xf32>, tensor<21xf64>, tensor<21xf32>, tensor<21xi1>) {
      %0 = fabric.cast %mask : tensor<21xi1> -> tensor<21xf32>
      %1 = fabric.cast %count : tensor<21xi64> -> tensor<21xf64>
      %2 = fabric.cast %byte : tensor<21xi8> -> tensor<21xf32>
      %3 = fabric.transpose %mask permutation = [0] : tensor<21xi1> -> tensor<21xi1>
      return %0, %1, %2, %3 : tensor<21xf32>, tensor<21xf64>, tensor<21xf32>, tensor<21xi1>
    })mlir");
  alignas(64) uint8_t mask[21], copied[21];
  alignas(64) int64_t count[21];
  alignas(64) int8_t byte[21];
  for (int i = 0; i < 21; ++i) {
    mask[i] = i % 3 == 0;
    count[i] = (int64_t{1} << (2 * i)) - 5;
    byte[i] = static_cast<int8_t>(37 * i);
  }
  Buffer<float> fromMask(21), fromByte(21);
  Buffer<double> fromCount(21);
  library->call("kernel_0", {mask, count, byte, fromMask.get(), fromCount.get(),
                             fromByte.get(), copied});
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(fromMask.at(i), i % 3 == 0);
    EXPECT_EQ(fromCount.at(i), static_cast<double>(count[i]));
    EXPECT_EQ(fromByte.at(i), byte[i]);
    EXPECT_EQ(copied[i], mask[i]);
  }
}

TEST(Kernels, LargeResultsBypassTheCaches) {
  // Rows of whole vectors, rows of others, and a transposed result.
  constexpr size_t rows = 1029;
  for (size_t columns : {4112u, 4099u}) {
    std::string plain =
        std::to_string(rows) + "x" + std::to_string(columns) + "xf32";
    std::string turned =
        std::to_string(columns) + "x" + std::to_string(rows) + "xf32";
    std::string bias = std::to_string(columns) + "xf32";
    Compiler compiler;
    auto library = compiler.load(
        "func.func @kernel_0(%a: tensor<" + plain + ">, %b: tensor<" + bias +
        ">) -> (tensor<" + plain + ">, tensor<" + turned + ">) {\n" +
        "%0 = fabric.broadcast %b dims = [1] : tensor<" + bias +
        "> -> tensor<" + plain + ">\n%1 = fabric.add %a, %0 : tensor<" + plain +
        ">\n%2 = fabric.transpose %1 permutation = [1, 0] : tensor<" + plain +
        "> -> tensor<" + turned + ">\nreturn %1, %2 : tensor<" + plain +
        ">, tensor<" + turned + ">\n}");
    Buffer<float> a(rows * columns, [](size_t i) { return noise(i, 1); });
    Buffer<float> b(columns, [](size_t i) { return noise(i, 2); });
    Buffer<float> y(rows * columns), z(rows * columns);
    library->call("kernel_0", {a.get(), b.get(), y.get(), z.get()});
    size_t wrong = 0;
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) {
        float expected = a[i * columns + j] + b[j];
        wrong += y[i * columns + j] != expected;
        wrong += z[j * rows + i] != expected;
      }
    EXPECT_EQ(wrong, 0u) << columns;
    EXPECT_TRUE(y.hasIntactEnd() && z.hasIntactEnd());
  }
}

//===----------------------------------------------------------------------===//
// AdamW
//===----------------------------------------------------------------------===//

constexpr llvm::StringLiteral adamwText = R"mlir(
  func.func @kernel_0(%p: tensor<$Sx$T>, %g: tensor<$Sx$T>, %m: tensor<$Sx$T>,
                      %v: tensor<$Sx$T>, %lr: tensor<f64>, %step: tensor<f64>)
      -> (tensor<$Sx$T>, tensor<$Sx$T>, tensor<$Sx$T>) {
    %p2, %m2, %v2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
        {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.1}
        : (tensor<$Sx$T>, tensor<$Sx$T>, tensor<$Sx$T>, tensor<$Sx$T>,
           tensor<f64>, tensor<f64>)
          -> (tensor<$Sx$T>, tensor<$Sx$T>, tensor<$Sx$T>)
    return %p2, %m2, %v2 : tensor<$Sx$T>, tensor<$Sx$T>, tensor<$Sx$T>
  })mlir";

template <typename T> void runAdamW(double tolerance) {
  constexpr size_t size = 13 * 17;
  Compiler compiler;
  auto library =
      compiler.load(instantiate(adamwText, Format<T>::name, "13x17"));
  Buffer<T> p(size, [](size_t i) { return noise(i, 1); });
  Buffer<T> m(size, [](size_t) { return 0.0; });
  Buffer<T> v(size, [](size_t) { return 0.0; });
  std::vector<double> ep(size), em(size), ev(size);
  for (size_t i = 0; i < size; ++i)
    ep[i] = p.at(i);
  double lr = 3e-3;
  for (double step = 1.0; step <= 3.0; ++step) {
    Buffer<T> g(size, [&](size_t i) {
      return noise(i, 7 + static_cast<unsigned>(step), 0.3);
    });
    // In place.
    library->call("kernel_0", {p.get(), g.get(), m.get(), v.get(), &lr, &step,
                               p.get(), m.get(), v.get()});
    // As torch.optim.AdamW is documented.
    double c1 = 1.0 - std::pow(0.9, step), c2 = 1.0 - std::pow(0.999, step);
    for (size_t i = 0; i < size; ++i) {
      ep[i] -= lr * 0.1 * ep[i];
      em[i] = 0.9 * em[i] + (1.0 - 0.9) * g.at(i);
      ev[i] = 0.999 * ev[i] + (1.0 - 0.999) * g.at(i) * g.at(i);
      ep[i] -= lr / c1 * em[i] / (std::sqrt(ev[i]) / std::sqrt(c2) + 1e-8);
      EXPECT_NEAR(p.at(i), ep[i], tolerance) << step;
      EXPECT_NEAR(m.at(i), em[i], tolerance * 0.1) << step;
      EXPECT_NEAR(v.at(i), ev[i], tolerance * 1e-3) << step;
    }
  }
  EXPECT_TRUE(p.hasIntactEnd() && m.hasIntactEnd() && v.hasIntactEnd());
}

TEST(Kernels, AdamWInF64) { runAdamW<double>(1e-15); }
TEST(Kernels, AdamWInF32) { runAdamW<float>(2e-7); }

//===----------------------------------------------------------------------===//
// Values at the edges
//===----------------------------------------------------------------------===//

template <typename T> void runExp(const char *type, double tolerance) {
  // 1 / sigmoid(-x) - 1 is exp(x): the sigmoid is as accurate as its exp.
  Compiler compiler;
  auto library =
      compiler.load(instantiate("func.func @kernel_0(%a: tensor<40000x$T>) -> "
                                "tensor<40000x$T> {\n"
                                "  %0 = fabric.sigmoid %a : tensor<40000x$T>\n"
                                "  return %0 : tensor<40000x$T>\n}",
                                type));
  double range = sizeof(T) == 4 ? 87.0 : 708.0;
  Buffer<T> a(40000,
              [&](size_t i) { return noise(i, 1, i % 2 ? range : 10.0); });
  Buffer<T> y(40000);
  library->call("kernel_0", {a.get(), y.get()});
  for (size_t i = 0; i < a.size(); ++i) {
    double exact = sigmoid(a.at(i));
    EXPECT_LE(std::fabs(y.at(i) - exact), tolerance * exact) << a.at(i);
  }
}

TEST(Kernels, ExpIsAccurate) {
  runExp<float>("f32", 2.4e-7);
  runExp<double>("f64", 6e-16);
}

template <typename T> void runEdges(const char *type) {
  using Limits = std::numeric_limits<T>;
  Compiler compiler;
  auto library = compiler.load(instantiate(R"mlir(
    func.func @kernel_0(%a: tensor<9x$T>)
        -> (tensor<9x$T>, tensor<9x$T>, tensor<9x$T>) {
      %0 = fabric.silu %a : tensor<9x$T>
      %1 = fabric.sigmoid %a : tensor<9x$T>
      %2 = fabric.neg %a : tensor<9x$T>
      return %0, %1, %2 : tensor<9x$T>, tensor<9x$T>, tensor<9x$T>
    })mlir",
                                           type));
  Buffer<T> a(9), silu(9), sigmoid(9), neg(9);
  T values[] = {Limits::infinity(),
                -Limits::infinity(),
                Limits::quiet_NaN(),
                Limits::denorm_min(),
                Limits::max(),
                Limits::lowest(),
                T(0.0),
                T(-0.0),
                Limits::min() / 2};
  for (size_t i = 0; i < 9; ++i)
    a[i] = values[i];
  library->call("kernel_0", {a.get(), silu.get(), sigmoid.get(), neg.get()});
  EXPECT_EQ(silu[0], Limits::infinity());
  EXPECT_TRUE(std::isnan(silu[1])); // -inf * 0, as PyTorch has it.
  EXPECT_TRUE(std::isnan(silu[2]));
  EXPECT_EQ(silu[4], Limits::max());
  EXPECT_EQ(silu[5], T(0.0));
  EXPECT_EQ(silu[6], T(0.0));
  EXPECT_EQ(silu[8], values[8] / 2);
  EXPECT_EQ(sigmoid[0], T(1.0));
  EXPECT_EQ(sigmoid[1], T(0.0));
  EXPECT_TRUE(std::isnan(sigmoid[2]));
  EXPECT_EQ(sigmoid[3], T(0.5));
  EXPECT_EQ(sigmoid[5], T(0.0));
  for (size_t i = 0; i < 9; ++i) {
    if (i == 2)
      continue;
    EXPECT_EQ(neg[i], -values[i]);
    EXPECT_EQ(std::signbit(neg[i]), !std::signbit(values[i]));
  }
}

TEST(Kernels, InfinitiesNaNsAndDenormals) {
  runEdges<float>("f32");
  runEdges<double>("f64");
}

TEST(Kernels, RoundsToBF16AsTheRuntimeDoes) {
  // All patterns of the upper half with some of the lower, NaNs among them.
  constexpr size_t lower = 6, size = 65536 * lower;
  constexpr uint32_t low[lower] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  Compiler compiler;
  auto library = compiler.load(R"mlir(
    func.func @kernel_0(%a: tensor<393216xf32>) -> tensor<393216xbf16> {
      %0 = fabric.cast %a : tensor<393216xf32> -> tensor<393216xbf16>
      return %0 : tensor<393216xbf16>
    })mlir");
  Buffer<float> a(size);
  for (size_t i = 0; i < size; ++i)
    a[i] = std::bit_cast<float>(static_cast<uint32_t>(i / lower) << 16 |
                                low[i % lower]);
  Buffer<BFloat16> y(size);
  library->call("kernel_0", {a.get(), y.get()});
  for (size_t i = 0; i < size; ++i) {
    if (std::isnan(a[i]))
      EXPECT_TRUE(std::isnan(y.at(i)));
    else
      EXPECT_EQ(y[i].bits, fabric::toBFloat16(a[i]).bits) << a[i];
  }
}

//===----------------------------------------------------------------------===//
// Sharing buffers
//===----------------------------------------------------------------------===//

TEST(Kernels, ResultsMayTakeOverBuffers) {
  constexpr size_t size = 33 * 18;
  std::string text = instantiate(backwardText, "f32", "33x18");
  Compiler compiler;
  auto module = compiler.parse(text);
  auto kernel = *module->getOps<mlir::func::FuncOp>().begin();
  for (unsigned argument = 0; argument < 3; ++argument)
    for (unsigned result = 0; result < 2; ++result)
      EXPECT_TRUE(mlir::lowering::mayShareBuffer(kernel, argument, result));
  auto library = compiler.load(text);
  Buffer<float> a(size, [](size_t i) { return noise(i, 1, 9.0); });
  Buffer<float> b(size, [](size_t i) { return noise(i, 2, 3.0); });
  Buffer<float> dy(size, [](size_t i) { return noise(i, 3, 2.0); });
  Buffer<float> da(size), db(size);
  library->call("kernel_0", {a.get(), b.get(), dy.get(), da.get(), db.get()});
  library->call("kernel_0", {a.get(), b.get(), dy.get(), b.get(), dy.get()});
  for (size_t i = 0; i < size; ++i) {
    EXPECT_EQ(b[i], da[i]);
    EXPECT_EQ(dy[i], db[i]);
  }
}

TEST(Kernels, TransposedResultsTakeOverBuffersToo) {
  Compiler compiler;
  constexpr llvm::StringLiteral text = R"mlir(
    func.func @kernel_0(%a: tensor<40x33xf32>, %b: tensor<33x40xf32>) -> tensor<33x40xf32> {
      %0 = fabric.transpose %b permutation = [1, 0] : tensor<33x40xf32> -> tensor<40x33xf32>
      %1 = fabric.mul %a, %0 : tensor<40x33xf32>
      %2 = fabric.transpose %1 permutation = [1, 0] : tensor<40x33xf32> -> tensor<33x40xf32>
      return %2 : tensor<33x40xf32>
    })mlir";
  auto module = compiler.parse(text);
  EXPECT_TRUE(mlir::lowering::mayShareBuffer(
      *module->getOps<mlir::func::FuncOp>().begin(), 1, 0));
  auto library = compiler.load(text);
  Buffer<float> a(40 * 33, [](size_t i) { return noise(i, 1); });
  Buffer<float> b(40 * 33, [](size_t i) { return noise(i, 2); });
  Buffer<float> y(40 * 33);
  library->call("kernel_0", {a.get(), b.get(), y.get()});
  library->call("kernel_0", {a.get(), b.get(), b.get()});
  for (size_t i = 0; i < 33; ++i)
    for (size_t j = 0; j < 40; ++j)
      EXPECT_EQ(y[i * 40 + j], b[i * 40 + j]);
}

TEST(Kernels, BuffersThatMayNotBeShared) {
  Compiler compiler;
  auto module = compiler.parse(R"mlir(
    func.func @kernel_0(%a: tensor<16x16xf32>, %b: tensor<16xf32>, %c: tensor<16x16xbf16>)
        -> (tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>) {
      %0 = fabric.transpose %a permutation = [1, 0] : tensor<16x16xf32> -> tensor<16x16xf32>
      %1 = fabric.add %a, %0 : tensor<16x16xf32>
      %2 = fabric.broadcast %b dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
      %3 = fabric.mul %1, %2 : tensor<16x16xf32>
      %4 = fabric.sum %3 dims = [0] : tensor<16x16xf32> -> tensor<16xf32>
      %5 = fabric.cast %c : tensor<16x16xbf16> -> tensor<16x16xf32>
      return %3, %4, %5 : tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>
    })mlir");
  auto kernel = *module->getOps<mlir::func::FuncOp>().begin();
  EXPECT_FALSE(mlir::lowering::mayShareBuffer(kernel, 0, 0)); // Read twice.
  EXPECT_FALSE(mlir::lowering::mayShareBuffer(kernel, 1, 1)); // A sum.
  EXPECT_FALSE(mlir::lowering::mayShareBuffer(kernel, 1, 0)); // Of other shape.
  EXPECT_FALSE(mlir::lowering::mayShareBuffer(kernel, 2, 2)); // Of other type.
}

} // namespace
