//===- KernelBench.cpp - Bytes a second of compiled kernels ---------------===//
//
// Each kernel against a copy that moves as many bytes: half of them read, half
// written, by memcpy. Also how long kernels take to compile.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Parser/Parser.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include <benchmark/benchmark.h>
#include <cstring>
#include <dlfcn.h>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace {

using Kernel = void (*)(void *const *);

std::string replaceAll(StringRef text, StringRef from, StringRef to) {
  std::string result;
  while (true) {
    auto [before, after] = text.split(from);
    result += before;
    if (before.size() == text.size())
      return result;
    result += to;
    text = after;
  }
}

/// $T is the tensor type.
constexpr StringLiteral forward = R"mlir(
  func.func @kernel_0(%a: $T, %b: $T) -> $T {
    %0 = fabric.silu %a : $T
    %1 = fabric.mul %0, %b : $T
    return %1 : $T
  })mlir";

constexpr StringLiteral backward = R"mlir(
  func.func @kernel_0(%a: $T, %b: $T, %dy: $T) -> ($T, $T) {
    %one = fabric.constant dense<1.0> : $T
    %silu = fabric.silu %a : $T
    %db = fabric.mul %dy, %silu : $T
    %dsilu = fabric.mul %dy, %b : $T
    %s = fabric.sigmoid %a : $T
    %rest = fabric.sub %one, %s : $T
    %as = fabric.mul %a, %s : $T
    %curve = fabric.mul %as, %rest : $T
    %slope = fabric.add %s, %curve : $T
    %da = fabric.mul %dsilu, %slope : $T
    return %da, %db : $T, $T
  })mlir";

constexpr StringLiteral adamw = R"mlir(
  func.func @kernel_0(%p: $T, %g: $T, %m: $T, %v: $T, %lr: tensor<f64>,
                      %step: tensor<f64>) -> ($T, $T, $T) {
    %p2, %m2, %v2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
        {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
        : ($T, $T, $T, $T, tensor<f64>, tensor<f64>) -> ($T, $T, $T)
    return %p2, %m2, %v2 : $T, $T, $T
  })mlir";

constexpr StringLiteral sumAll = R"mlir(
  func.func @kernel_0(%a: $T) -> tensor<$E> {
    %0 = fabric.sum %a dims = [0, 1] : $T -> tensor<$E>
    return %0 : tensor<$E>
  })mlir";

constexpr StringLiteral sumRows = R"mlir(
  func.func @kernel_0(%a: $T) -> tensor<$Nx$E> {
    %0 = fabric.sum %a dims = [1] : $T -> tensor<$Nx$E>
    return %0 : tensor<$Nx$E>
  })mlir";

constexpr StringLiteral sumColumns = R"mlir(
  func.func @kernel_0(%a: $T) -> tensor<$Nx$E> {
    %0 = fabric.sum %a dims = [0] : $T -> tensor<$Nx$E>
    return %0 : tensor<$Nx$E>
  })mlir";

/// silu(a + bias) backward: the gradients of a and of the bias.
constexpr StringLiteral biasBackward = R"mlir(
  func.func @kernel_0(%a: $T, %bias: tensor<$Nx$E>, %dy: $T) -> ($T, tensor<$Nx$E>) {
    %one = fabric.constant dense<1.0> : $T
    %b = fabric.broadcast %bias dims = [1] : tensor<$Nx$E> -> $T
    %x = fabric.add %a, %b : $T
    %s = fabric.sigmoid %x : $T
    %rest = fabric.sub %one, %s : $T
    %xs = fabric.mul %x, %s : $T
    %curve = fabric.mul %xs, %rest : $T
    %slope = fabric.add %s, %curve : $T
    %da = fabric.mul %dy, %slope : $T
    %dbias = fabric.sum %da dims = [0] : $T -> tensor<$Nx$E>
    return %da, %dbias : $T, tensor<$Nx$E>
  })mlir";

constexpr StringLiteral transposed = R"mlir(
  func.func @kernel_0(%a: $T) -> $T {
    %0 = fabric.transpose %a permutation = [1, 0] : $T -> $T
    return %0 : $T
  })mlir";

struct Context {
  Context() { context.loadDialect<fabric::FabricDialect, func::FuncDialect>(); }
  MLIRContext context{MLIRContext::Threading::DISABLED};
};

std::string instantiate(StringRef text, StringRef element, int64_t size) {
  std::string n = std::to_string(size);
  std::string result = replaceAll(
      text, "$T", "tensor<" + n + "x" + n + "x" + element.str() + ">");
  return replaceAll(replaceAll(result, "$E", element), "$N", n);
}

Kernel load(ArrayRef<char> bytes) {
  int file = memfd_create("kernels", MFD_CLOEXEC);
  if (write(file, bytes.data(), bytes.size()) < 0)
    return nullptr;
  std::string path = "/proc/self/fd/" + std::to_string(file);
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  return library ? reinterpret_cast<Kernel>(dlsym(library, "kernel_0"))
                 : nullptr;
}

struct Free {
  void operator()(void *pointer) const { std::free(pointer); }
};
using Memory = std::unique_ptr<char, Free>;

/// Numbers of one value: `width` bytes each.
Memory allocate(size_t bytes, float value, size_t width) {
  Memory memory(static_cast<char *>(std::aligned_alloc(4096, bytes)));
  double wide = value;
  const char *source = width == 8 ? reinterpret_cast<const char *>(&wide)
                                  : reinterpret_cast<const char *>(&value);
  for (size_t i = 0; i < bytes; i += width) // bf16 is the upper half.
    std::memcpy(memory.get() + i, source + (width == 2 ? 2 : 0), width);
  return memory;
}

/// Results share the buffers of the arguments that `inPlace` names.
void runKernel(benchmark::State &state, StringRef text, StringRef element,
               ArrayRef<int> inPlace) {
  Context context;
  int64_t size = state.range(0);
  auto module = parseSourceString<ModuleOp>(instantiate(text, element, size),
                                            &context.context);
  auto bytes = lowering::compileKernels(*module, {});
  Kernel kernel = succeeded(bytes) ? load(*bytes) : nullptr;
  if (!kernel)
    return state.SkipWithError("does not compile");
  auto type = (*module->getOps<func::FuncOp>().begin()).getFunctionType();
  SmallVector<Memory> memory;
  SmallVector<void *> buffers;
  int64_t moved = 0;
  auto add = [&](Type part, int sharedWith) {
    auto tensor = cast<RankedTensorType>(part);
    size_t width = tensor.getElementTypeBitWidth() / 8;
    size_t length = tensor.getNumElements() * width;
    moved += length;
    if (sharedWith >= 0) {
      buffers.push_back(buffers[sharedWith]);
      return;
    }
    memory.push_back(allocate(llvm::alignTo(length, 4096),
                              tensor.getRank() ? 0.5 : 1, width));
    if (tensor.getRank() == 0 && width == 8)
      *reinterpret_cast<double *>(memory.back().get()) = 1.0;
    buffers.push_back(memory.back().get());
  };
  for (Type input : type.getInputs())
    add(input, -1);
  for (auto [i, result] : llvm::enumerate(type.getResults()))
    add(result, i < inPlace.size() ? inPlace[i] : -1);
  for (auto _ : state) {
    kernel(buffers.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * moved);
}

void copy(benchmark::State &state) {
  size_t half = state.range(0) / 2;
  Memory from = allocate(half, 0.5, 4), to = allocate(half, 0.25, 4);
  for (auto _ : state) {
    std::memcpy(to.get(), from.get(), half);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void compile(benchmark::State &state) {
  Context context;
  std::string text;
  for (auto [i, kernel] : llvm::enumerate(
           ArrayRef<StringRef>{forward, backward, adamw, sumAll, sumColumns}))
    text += replaceAll(kernel, "@kernel_0", "@kernel_" + std::to_string(i));
  auto module = parseSourceString<ModuleOp>(instantiate(text, "f32", 256),
                                            &context.context);
  for (auto _ : state)
    if (failed(lowering::compileKernels(*module, {})))
      return state.SkipWithError("does not compile");
}

} // namespace

#define KERNEL_BENCH(name, text, element, ...)                                 \
  BENCHMARK_CAPTURE(runKernel, name, text, element,                            \
                    ArrayRef<int>(__VA_ARGS__))                                \
      ->Arg(4096)                                                              \
      ->Arg(256)                                                               \
      ->Unit(benchmark::kMicrosecond)

// As many bytes as the kernels at 4096 x 4096 and at 256 x 256, or nearly.
BENCHMARK(copy)
    ->Arg(1 * 4 * 4096 * 4096)
    ->Arg(2 * 4 * 4096 * 4096)
    ->Arg(3 * 4 * 4096 * 4096)
    ->Arg(5 * 4 * 4096 * 4096)
    ->Arg(7 * 4 * 4096 * 4096)
    ->Arg(1 * 4 * 256 * 256)
    ->Arg(2 * 4 * 256 * 256)
    ->Arg(3 * 4 * 256 * 256)
    ->Arg(5 * 4 * 256 * 256)
    ->Arg(7 * 4 * 256 * 256)
    ->Unit(benchmark::kMicrosecond);
KERNEL_BENCH(siluForward, forward, "f32", {});
KERNEL_BENCH(siluBackward, backward, "f32", {});
KERNEL_BENCH(siluBackwardInPlace, backward, "f32", {0, 1});
KERNEL_BENCH(adamw, adamw, "f32", {0, 2, 3});
KERNEL_BENCH(siluForwardBf16, forward, "bf16", {});
KERNEL_BENCH(siluBackwardBf16, backward, "bf16", {});
KERNEL_BENCH(siluForwardF64, forward, "f64", {});
KERNEL_BENCH(sumAll, sumAll, "f32", {});
KERNEL_BENCH(sumRows, sumRows, "f32", {});
KERNEL_BENCH(sumColumns, sumColumns, "f32", {});
KERNEL_BENCH(biasBackward, biasBackward, "f32", {});
KERNEL_BENCH(transposed, transposed, "f32", {});
BENCHMARK(compile)->Unit(benchmark::kMillisecond);
