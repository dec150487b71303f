//===- KernelTargetsTest.cpp - Targets, errors and what a kernel needs ----===//

#include "KernelHarness.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/TargetParser/Host.h"
#include <set>

using namespace fabric_test;
using ::testing::Test;

namespace {

constexpr llvm::StringLiteral allTypes = R"mlir(
  func.func @kernel_0(%a: tensor<37xf32>, %b: tensor<37xbf16>, %c: tensor<37xf64>)
      -> (tensor<37xf32>, tensor<37xbf16>, tensor<37xf64>, tensor<bf16>) {
    %0 = fabric.cast %b : tensor<37xbf16> -> tensor<37xf32>
    %1 = fabric.mul %a, %0 : tensor<37xf32>
    %2 = fabric.silu %1 : tensor<37xf32>
    %3 = fabric.silu %b : tensor<37xbf16>
    %4 = fabric.sigmoid %c : tensor<37xf64>
    %5 = fabric.sum %3 dims = [0] : tensor<37xbf16> -> tensor<bf16>
    return %2, %3, %4, %5 : tensor<37xf32>, tensor<37xbf16>, tensor<37xf64>, tensor<bf16>
  }
  func.func @kernel_1(%p: tensor<9xf32>, %g: tensor<9xf32>, %m: tensor<9xf32>,
                      %v: tensor<9xf32>, %lr: tensor<f64>, %step: tensor<f64>)
      -> (tensor<9xf32>, tensor<9xf32>, tensor<9xf32>) {
    %p2, %m2, %v2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
        {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.1}
        : (tensor<9xf32>, tensor<9xf32>, tensor<9xf32>, tensor<9xf32>,
           tensor<f64>, tensor<f64>) -> (tensor<9xf32>, tensor<9xf32>, tensor<9xf32>)
    return %p2, %m2, %v2 : tensor<9xf32>, tensor<9xf32>, tensor<9xf32>
  })mlir";

std::set<std::string> getSymbols(llvm::ArrayRef<char> bytes, bool undefined) {
  std::set<std::string> names;
  auto object = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(bytes.data(), bytes.size()), ""));
  if (!object) {
    ADD_FAILURE() << llvm::toString(object.takeError());
    return names;
  }
  auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
  for (const auto &symbol : elf->getDynamicSymbolIterators()) {
    bool isUndefined =
        *symbol.getFlags() & llvm::object::SymbolRef::SF_Undefined;
    if (isUndefined == undefined && !symbol.getName()->empty())
      names.insert(symbol.getName()->str());
  }
  return names;
}

TEST(KernelTargets, NeedOnlyLibm) {
  for (const char *cpu : {"native", "x86-64", "x86-64-v2", "x86-64-v3",
                          "x86-64-v4", "znver4", "sapphirerapids"}) {
    Compiler compiler(cpu);
    auto bytes = compiler.compile(allTypes);
    ASSERT_TRUE(mlir::succeeded(bytes)) << compiler.diagnostics;
    EXPECT_EQ(getSymbols(*bytes, false),
              (std::set<std::string>{"kernel_0", "kernel_1"}));
    EXPECT_EQ(getSymbols(*bytes, true), (std::set<std::string>{"pow"})) << cpu;
  }
}

TEST(KernelTargets, GiveTheSameValues) {
  constexpr llvm::StringLiteral text = R"mlir(
    func.func @kernel_0(%a: tensor<13x41xf32>, %b: tensor<41x13xbf16>) -> (tensor<13x41xf32>, tensor<41xf32>) {
      %0 = fabric.cast %b : tensor<41x13xbf16> -> tensor<41x13xf32>
      %1 = fabric.transpose %0 permutation = [1, 0] : tensor<41x13xf32> -> tensor<13x41xf32>
      %2 = fabric.mul %a, %1 : tensor<13x41xf32>
      %3 = fabric.sum %2 dims = [0] : tensor<13x41xf32> -> tensor<41xf32>
      return %2, %3 : tensor<13x41xf32>, tensor<41xf32>
    })mlir";
  Buffer<float> a(13 * 41, [](size_t i) { return noise(i, 1); });
  Buffer<fabric::BFloat16> b(13 * 41, [](size_t i) { return noise(i, 2); });
  for (const char *cpu : {"x86-64", "x86-64-v2", "x86-64-v3", "native"}) {
    if (llvm::StringRef(cpu) == "x86-64-v3" &&
        !llvm::sys::getHostCPUFeatures().lookup("avx2"))
      continue;
    Compiler compiler(cpu);
    auto library = compiler.load(text);
    Buffer<float> y(13 * 41), z(41);
    library->call("kernel_0", {a.get(), b.get(), y.get(), z.get()});
    for (size_t j = 0; j < 41; ++j) {
      double total = 0.0;
      for (size_t i = 0; i < 13; ++i) {
        float expected = a[i * 41 + j] * fabric::toFloat(b[j * 13 + i]);
        EXPECT_EQ(y[i * 41 + j], expected) << cpu;
        total += expected;
      }
      EXPECT_NEAR(z.at(j), total, 1e-6) << cpu;
    }
  }
}

TEST(KernelTargets, GiveTheSameBytes) {
  // Locations do not count, nor does what was compiled before.
  Compiler first("x86-64-v3"), second("x86-64-v3");
  auto one = first.compile(allTypes);
  auto two = second.compile("\n\n\n" + allTypes.str());
  auto three = second.compile(allTypes);
  ASSERT_TRUE(mlir::succeeded(one) && mlir::succeeded(two) &&
              mlir::succeeded(three));
  EXPECT_EQ(*one, *two);
  EXPECT_EQ(*one, *three);
}

using Features = llvm::SmallVector<std::string>;

TEST(KernelTargets, Features) {
  using mlir::lowering::getRequiredFeatures;
  EXPECT_EQ(getRequiredFeatures({"x86-64", ""}), Features());
  EXPECT_EQ(getRequiredFeatures({"x86-64-v2", ""}),
            (Features{"popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"}));
  EXPECT_EQ(getRequiredFeatures({"x86-64-v3", ""}),
            (Features{"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt",
                      "movbe", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"}));
  // Without one of its parts, no AVX-512.
  EXPECT_EQ(getRequiredFeatures({"x86-64-v4", "-avx512bw"}),
            getRequiredFeatures({"x86-64-v3", ""}));
  EXPECT_EQ(getRequiredFeatures({"x86-64-v4", "-avx2"}),
            (Features{"avx", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe",
                      "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"}));
  EXPECT_EQ(
      getRequiredFeatures({"x86-64-v2", "+fma"}),
      (Features{"avx", "fma", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"}));
  EXPECT_EQ(getRequiredFeatures({"none-such", ""}), Features());
}

void expectError(llvm::StringRef text, llvm::StringRef message,
                 mlir::lowering::KernelTarget target = {}) {
  Compiler compiler;
  compiler.target = std::move(target);
  EXPECT_TRUE(mlir::failed(compiler.compile(text)));
  EXPECT_NE(compiler.diagnostics.find(message), std::string::npos)
      << compiler.diagnostics;
}

TEST(KernelTargets, AreChecked) {
  expectError(allTypes, "unknown x86-64 CPU 'cray-1'", {"cray-1", ""});
  expectError(allTypes, "expected '+' or '-' before CPU feature 'fma'",
              {"x86-64", "fma"});
  expectError(allTypes, "kernels do not use CPU feature 'sgx'",
              {"x86-64", "+sgx"});
}

} // namespace
