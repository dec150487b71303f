//===- KernelsOnCpu.cpp - Kernels of tests, on this machine ---------------===//

#include "KernelHarness.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fabric_test {
namespace {

/// A loaded shared object.
class SharedObject final : public Library {
public:
  explicit SharedObject(llvm::ArrayRef<char> bytes) {
    descriptor = memfd_create("kernels", MFD_CLOEXEC);
    EXPECT_EQ(write(descriptor, bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      ADD_FAILURE() << dlerror();
  }
  SharedObject(const SharedObject &) = delete;
  ~SharedObject() override {
    if (handle)
      dlclose(handle);
    close(descriptor);
  }

  void call(const char *name, llvm::ArrayRef<void *> buffers) const override {
    auto kernel = reinterpret_cast<void (*)(void *const *)>(
        handle ? dlsym(handle, name) : nullptr);
    ASSERT_TRUE(kernel) << name;
    kernel(buffers.data());
  }

private:
  /// Open as long as it is loaded: dlopen knows libraries by their paths.
  int descriptor = -1;
  void *handle = nullptr;
};

} // namespace

std::unique_ptr<Library>
loadKernels(mlir::ModuleOp module, const mlir::lowering::KernelTarget &target) {
  auto bytes = mlir::lowering::compileKernels(module, target);
  if (mlir::failed(bytes))
    return nullptr;
  return std::make_unique<SharedObject>(*bytes);
}

} // namespace fabric_test
