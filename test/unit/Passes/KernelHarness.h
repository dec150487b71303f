//===- KernelHarness.h - Compiles and calls kernels in a test ---*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_PASSES_KERNELHARNESS_H
#define FABRIC_TEST_UNIT_PASSES_KERNELHARNESS_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Parser/Parser.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "runtime/Support/Float.h"
#include "gtest/gtest.h"
#include <cstring>
#include <memory>

namespace fabric_test {

/// Dense elements, aligned as the arenas of a plan are.
template <typename T> class Buffer {
public:
  explicit Buffer(size_t size)
      : count(size), data(static_cast<T *>(std::aligned_alloc(
                         64, (size * sizeof(T) + 64 + 63) / 64 * 64))) {
    std::memset(static_cast<void *>(data.get()), 0x5a, size * sizeof(T) + 64);
  }
  template <typename F> Buffer(size_t size, F value) : Buffer(size) {
    for (size_t i = 0; i < size; ++i)
      data[i] = fabric::convertFloat<T>(value(i));
  }

  size_t size() const { return count; }
  T &operator[](size_t i) { return data[i]; }
  double at(size_t i) const { return fabric::toDouble(data[i]); }
  void *get() const { return data.get(); }
  Buffer clone() const {
    Buffer copy(count);
    std::memcpy(copy.get(), get(), count * sizeof(T));
    return copy;
  }
  /// Whether what follows the elements is as it was made.
  bool hasIntactEnd() const {
    const auto *end =
        reinterpret_cast<const unsigned char *>(data.get() + count);
    for (int i = 0; i < 64; ++i)
      if (end[i] != 0x5a)
        return false;
    return true;
  }

private:
  struct Free {
    void operator()(T *pointer) const { std::free(pointer); }
  };
  size_t count;
  std::unique_ptr<T[], Free> data;
};

/// Elements of a type that is known at run time, set and read as doubles.
class AnyBuffer {
public:
  AnyBuffer(mlir::Type element, size_t size)
      : element(element), bytes(size * getWidth(element)), count(size) {}
  explicit AnyBuffer(mlir::Type tensor)
      : AnyBuffer(mlir::getElementTypeOrSelf(tensor),
                  mlir::cast<mlir::RankedTensorType>(tensor).getNumElements()) {
  }

  size_t size() const { return count; }
  void *get() const { return bytes.get(); }
  bool hasIntactEnd() const { return bytes.hasIntactEnd(); }
  bool hasSameBits(const AnyBuffer &other) const {
    return std::memcmp(get(), other.get(), bytes.size()) == 0;
  }

  void set(size_t i, double value) {
    if (element.isF64())
      place<double>(i) = value;
    else if (element.isF32())
      place<float>(i) = fabric::convertFloat<float>(value);
    else if (element.isBF16())
      place<fabric::BFloat16>(i) =
          fabric::convertFloat<fabric::BFloat16>(value);
    else
      place<fabric::Float16>(i) = fabric::convertFloat<fabric::Float16>(value);
  }
  double at(size_t i) const {
    if (element.isF64())
      return place<double>(i);
    if (element.isF32())
      return place<float>(i);
    if (element.isBF16())
      return fabric::toDouble(place<fabric::BFloat16>(i));
    return fabric::toDouble(place<fabric::Float16>(i));
  }

private:
  static size_t getWidth(mlir::Type element) {
    return element.getIntOrFloatBitWidth() / 8;
  }
  template <typename T> T &place(size_t i) const {
    return static_cast<T *>(get())[i];
  }
  mlir::Type element;
  Buffer<char> bytes;
  size_t count;
};

/// Loaded kernels.
class Library {
public:
  virtual ~Library() = default;
  virtual void call(const char *name, llvm::ArrayRef<void *> buffers) const = 0;
};

/// Compiles the kernels of a module and loads them: on the CPU, or on a GPU
/// that is emulated, by the file that the test is linked with. Null where they
/// do not compile.
std::unique_ptr<Library>
loadKernels(mlir::ModuleOp module, const mlir::lowering::KernelTarget &target);

/// A context, and what was reported in it.
class Compiler {
public:
  explicit Compiler(std::string cpu = "native") : target{std::move(cpu), ""} {
    context.loadDialect<mlir::fabric::FabricDialect, mlir::func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &found) {
      diagnostics += found.str() + "\n";
      return mlir::success();
    });
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << diagnostics;
    return module;
  }

  mlir::FailureOr<llvm::SmallVector<char>> compile(llvm::StringRef text) {
    auto module = parse(text);
    if (!module)
      return mlir::failure();
    return mlir::lowering::compileKernels(*module, target);
  }

  /// Compiles text that must compile.
  std::unique_ptr<Library> load(llvm::StringRef text) {
    auto module = parse(text);
    return module ? load(*module) : nullptr;
  }
  std::unique_ptr<Library> load(mlir::ModuleOp module) {
    auto library = loadKernels(module, target);
    EXPECT_TRUE(library) << diagnostics;
    return library;
  }

  /// Of the test's own, for modules that it makes.
  mlir::FailureOr<llvm::SmallVector<char>> compile(mlir::ModuleOp module) {
    return mlir::lowering::compileKernels(module, target);
  }
  mlir::MLIRContext &getContext() { return context; }

  std::string diagnostics;
  mlir::lowering::KernelTarget target;

private:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};

/// A number in [-scale, scale) for every index, without a pattern.
inline double noise(size_t index, unsigned seed, double scale = 1.0) {
  uint64_t x = index * 0x9e3779b97f4a7c15ull + seed * 0xd1b54a32d192ed03ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return (static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-52 - 1.0) * scale;
}

} // namespace fabric_test

#endif // FABRIC_TEST_UNIT_PASSES_KERNELHARNESS_H
