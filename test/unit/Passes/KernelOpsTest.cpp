//===- KernelOpsTest.cpp - Functions, extremes and parts, compiled --------===//

#include "KernelHarness.h"
#include "compiler/Interpreter/Interpreter.h"
#include <cmath>

using namespace mlir;
using namespace fabric_test;
using mlir::fabric::interpreter::Tensor;

namespace {

//===----------------------------------------------------------------------===//
// Functions of one number
//===----------------------------------------------------------------------===//

struct Function {
  const char *op;
  double (*exact)(double);
  double low, high; ///< Of what it is given.
  double units;     ///< Of the last place, that it may be off.
};

double gelu(double x) { return x * std::erfc(-x / M_SQRT2) / 2; }
double tanhGelu(double x) {
  return x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) /
         2;
}

const Function functions[] = {
    {"exp", [](double x) { return std::exp(x); }, -80, 80, 2},
    {"log", [](double x) { return std::log(x); }, 1e-6, 100, 2},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0, 100, 1},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1e-6, 100, 2},
    {"abs", [](double x) { return std::fabs(x); }, -9, 9, 0},
    {"erf", [](double x) { return std::erf(x); }, -5, 5, 2},
    {"tanh", [](double x) { return std::tanh(x); }, -12, 12, 3},
    {"relu", [](double x) { return std::fmax(x, 0.0); }, -9, 9, 0},
    // Relative to x: below -1, one plus erf cancels.
    {"gelu", gelu, -6, 9, 6},
    {"gelu tanh", tanhGelu, -6, 9, 8},
};

template <typename T> void expectAccurate(const char *type, double unit) {
  for (const Function &function : functions) {
    std::string tensor = std::string("tensor<10007x") + type + ">";
    Compiler compiler;
    auto library =
        compiler.load("func.func @kernel_0(%a: " + tensor + ") -> " + tensor +
                      " {\n  %0 = fabric." + function.op + " %a : " + tensor +
                      "\n  return %0 : " + tensor + "\n}");
    double middle = (function.high + function.low) / 2;
    Buffer<T> x(10007, [&](size_t i) {
      return middle + noise(i, 1, (function.high - function.low) / 2);
    });
    Buffer<T> y(x.size());
    library->call("kernel_0", {x.get(), y.get()});
    bool isGelu = std::string(function.op).starts_with("gelu");
    for (size_t i = 0; i < x.size(); ++i) {
      double exact = function.exact(x.at(i));
      double scale = isGelu ? std::fabs(x.at(i)) : std::fabs(exact);
      ASSERT_NEAR(y.at(i), exact, (function.units + 1) * unit * scale)
          << function.op << " of " << x.at(i);
    }
    EXPECT_TRUE(y.hasIntactEnd());
  }
}

TEST(KernelFunctions, F32) { expectAccurate<float>("f32", 0x1p-24); }
TEST(KernelFunctions, F64) { expectAccurate<double>("f64", 0x1p-53); }

//===----------------------------------------------------------------------===//
// Against the interpreter
//===----------------------------------------------------------------------===//

/// A kernel on noise; the results are the interpreter's, to the bit.
void expectExact(const std::string &text) {
  SCOPED_TRACE(text);
  Compiler compiler;
  auto library = compiler.load(text);
  auto module = compiler.parse(text);
  ASSERT_TRUE(module);
  auto kernel = *module->getOps<func::FuncOp>().begin();
  SmallVector<Tensor> tensors;
  std::vector<AnyBuffer> buffers;
  SmallVector<void *> addresses;
  for (auto [number, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    AnyBuffer &buffer = buffers.emplace_back(type);
    Tensor &tensor = tensors.emplace_back(Tensor::zeros(type));
    for (size_t i = 0; i < buffer.size(); ++i) {
      buffer.set(i, noise(i, number, 4.0));
      tensor.floats[i] = buffer.at(i);
    }
  }
  buffers.emplace_back(kernel.getResultTypes()[0]);
  for (const AnyBuffer &buffer : buffers)
    addresses.push_back(buffer.get());
  library->call("kernel_0", addresses);
  auto expected = mlir::fabric::interpreter::interpret(kernel, tensors);
  ASSERT_TRUE(succeeded(expected)) << compiler.diagnostics;
  for (size_t i = 0; i < buffers.back().size(); ++i)
    ASSERT_EQ(buffers.back().at(i), (*expected)[0].at(i)) << i;
  EXPECT_TRUE(buffers.back().hasIntactEnd());
}

std::string replaceAll(std::string text, const std::string &what,
                       const std::string &with) {
  for (size_t at; (at = text.find(what)) != std::string::npos;)
    text.replace(at, what.size(), with);
  return text;
}

void expectExactInEveryType(const std::string &text) {
  for (const char *type : {"f32", "f64", "bf16", "f16"})
    expectExact(replaceAll(text, "$T", type));
}

TEST(KernelExtremes, OverEverySetOfDims) {
  for (const char *op : {"max", "min"})
    for (auto [dims, result] : {std::pair{"0, 1, 2", ""},
                                {"2", "3x13x"},
                                {"0", "13x1033x"},
                                {"1", "3x1033x"},
                                {"0, 2", "13x"},
                                {"0, 1", "1033x"},
                                {"1, 2", "3x"}})
      expectExactInEveryType(
          std::string("func.func @kernel_0(%a: tensor<3x13x1033x$T>) -> "
                      "tensor<") +
          result + "$T> {\n  %0 = fabric." + op + " %a dims = [" + dims +
          "] : tensor<3x13x1033x$T> -> tensor<" + result +
          "$T>\n  return %0 : tensor<" + result + "$T>\n}");
}

// All terms are negative, so that a wrong first one shows.
TEST(KernelExtremes, OfNegativeNumbers) {
  expectExact(R"(
    func.func @kernel_0(%a: tensor<5x37xf32>) -> tensor<5xf32> {
      %0 = fabric.abs %a : tensor<5x37xf32>
      %1 = fabric.neg %0 : tensor<5x37xf32>
      %2 = fabric.max %1 dims = [1] : tensor<5x37xf32> -> tensor<5xf32>
      return %2 : tensor<5xf32>
    })");
}

TEST(KernelExtremes, OfNaN) {
  Compiler compiler;
  auto library = compiler.load(R"(
    func.func @kernel_0(%a: tensor<2x37xf32>) -> tensor<2xf32> {
      %0 = fabric.max %a dims = [1] : tensor<2x37xf32> -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })");
  Buffer<float> a(74, [](size_t i) { return i == 40 ? NAN : 1.0; });
  Buffer<float> y(2);
  library->call("kernel_0", {a.get(), y.get()});
  EXPECT_EQ(y.at(0), 1.0);
  EXPECT_TRUE(std::isnan(y.at(1)));
}

TEST(KernelParts, Slices) {
  for (auto [where, result] :
       {std::pair{"dims = [2] offsets = [3] strides = [1]", "3x13x29x"},
        {"dims = [2] offsets = [1] strides = [4]", "3x13x9x"},
        {"dims = [0, 1] offsets = [1, 2] strides = [2, 5]", "1x3x37x"},
        {"dims = [0, 1, 2] offsets = [2, 12, 36] strides = [1, 1, 1]",
         "1x1x1x"},
        {"dims = [1] offsets = [4] strides = [1]", "3x9x37x"},
        {"dims = [] offsets = [] strides = []", "3x13x37x"}})
    expectExactInEveryType(
        std::string("func.func @kernel_0(%a: tensor<3x13x37x$T>) -> tensor<") +
        result + "$T> {\n  %0 = fabric.slice %a " + where +
        " : tensor<3x13x37x$T> -> tensor<" + result +
        "$T>\n  return %0 : tensor<" + result + "$T>\n}");
}

TEST(KernelParts, Pads) {
  for (auto [where, result] :
       {std::pair{"dims = [1] offsets = [3] strides = [1] value = 0.0",
                  "5x40x"},
        {"dims = [1] offsets = [1] strides = [3] value = 0.75", "5x60x"},
        {"dims = [0, 1] offsets = [1, 0] strides = [2, 1] value = -2.0",
         "10x21x"}})
    expectExactInEveryType(
        std::string("func.func @kernel_0(%a: tensor<5x19x$T>) -> tensor<") +
        result + "$T> {\n  %0 = fabric.pad %a " + where +
        " : tensor<5x19x$T> -> tensor<" + result +
        "$T>\n  return %0 : tensor<" + result + "$T>\n}");
}

TEST(KernelParts, Concats) {
  expectExactInEveryType(R"(
    func.func @kernel_0(%a: tensor<5x19x$T>, %b: tensor<5x1x$T>, %c: tensor<5x64x$T>) -> tensor<5x84x$T> {
      %0 = fabric.concat %a, %b, %c dim = 1 : (tensor<5x19x$T>, tensor<5x1x$T>, tensor<5x64x$T>) -> tensor<5x84x$T>
      return %0 : tensor<5x84x$T>
    })");
  expectExactInEveryType(R"(
    func.func @kernel_0(%a: tensor<5x19x$T>, %b: tensor<2x19x$T>) -> tensor<7x19x$T> {
      %0 = fabric.concat %a, %b dim = 0 : (tensor<5x19x$T>, tensor<2x19x$T>) -> tensor<7x19x$T>
      return %0 : tensor<7x19x$T>
    })");
}

} // namespace
