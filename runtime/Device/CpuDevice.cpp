//===- CpuDevice.cpp - The host's own processor ---------------------------===//
//
// Memory is mapped, so that it is aligned to pages, zero, and can be backed by
// huge pages. Code is an ELF shared object that is loaded from a file in
// memory: nothing touches the disk.
//
//===----------------------------------------------------------------------===//

#include "runtime/Device/CpuFeatures.h"
#include "runtime/Device/Device.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/File.h"
#include "runtime/Support/SharedLibrary.h"
#include "runtime/Support/UniqueHandle.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fabric::device {
namespace {

struct FileTraits {
  using Handle = int;
  static Handle null() { return -1; }
  static void close(Handle descriptor) { ::close(descriptor); }
};
using UniqueFile = UniqueHandle<FileTraits>;
using UniqueLibrary = UniqueHandle<SharedLibraryTraits>;

constexpr int64_t pageBytes = 4096;
constexpr int64_t hugePageBytes = 2 << 20;

class CpuMemory final : public Memory {
public:
  CpuMemory(void *mapping, size_t mapped, std::byte *aligned, int64_t size)
      : mapping(mapping), mapped(mapped), aligned(aligned), size(size) {}
  ~CpuMemory() override { ::munmap(mapping, mapped); }
  std::byte *data() const override { return aligned; }
  int64_t bytes() const override { return size; }

private:
  void *mapping;
  size_t mapped;
  std::byte *aligned;
  int64_t size;
};

using KernelFunction = void (*)(void *const *buffers);

/// The file stays open: the loader knows libraries by their path, and another
/// one must not get this path while this one is loaded.
struct LoadedCode {
  UniqueFile file;
  UniqueLibrary library;
};

class CpuKernel final : public Kernel {
public:
  CpuKernel(std::shared_ptr<const LoadedCode> code, KernelFunction function)
      : code(std::move(code)), function(function) {}
  Status launch(Stream &, void *const *buffers) const override {
    function(buffers);
    return Status::success();
  }

private:
  std::shared_ptr<const LoadedCode> code;
  KernelFunction function;
};

class CpuModule final : public Module {
public:
  explicit CpuModule(LoadedCode code)
      : code(std::make_shared<const LoadedCode>(std::move(code))) {}

  Expected<std::unique_ptr<Kernel>>
  find(const std::string &symbol, int64_t,
       const std::optional<plan::Grid> &) const override {
    void *address = ::dlsym(code->library.get(), symbol.c_str());
    if (!address)
      return Status::error("section 'code' has no kernel '", symbol, "'");
    return std::unique_ptr<Kernel>(std::make_unique<CpuKernel>(
        code, reinterpret_cast<KernelFunction>(address)));
  }

private:
  std::shared_ptr<const LoadedCode> code;
};

/// Nothing is ever pending.
class CpuEvent final : public Event {
public:
  Status synchronize() const override { return Status::success(); }
};
/// Work is done when a call returns: the host's clock is the stream's.
class CpuStopwatch final : public Stopwatch {
public:
  explicit CpuStopwatch(size_t laps) : times(laps) {}
  Status start() override { return Status::success(); }
  Status mark(size_t lap) override {
    times[lap] = steadyNanoseconds();
    return Status::success();
  }
  Expected<int64_t> at(size_t lap) const override { return times[lap]; }

private:
  std::vector<int64_t> times;
};
class CpuStream final : public Stream {
public:
  std::string_view kind() const override { return "cpu"; }
  Expected<std::unique_ptr<Event>> createEvent() override {
    return std::unique_ptr<Event>(std::make_unique<CpuEvent>());
  }
  Status record(Event &) override { return Status::success(); }
  Status wait(const Event &) override { return Status::success(); }
  Status synchronize() override { return Status::success(); }
  Expected<bool> done() override { return true; }
  Expected<std::unique_ptr<Stopwatch>> createStopwatch(size_t laps) override {
    return std::unique_ptr<Stopwatch>(std::make_unique<CpuStopwatch>(laps));
  }
};

class CpuDevice final : public Device {
public:
  std::string_view kind() const override { return "cpu"; }

  Status check(const plan::Target &target) const override {
    if (target.kind != kind())
      return Status::error("the plan is for ", target.kind,
                           ", not for the cpu");
    return checkCpuFeatures(target.features);
  }

  bool hostAccessible() const override { return true; }

  Expected<std::unique_ptr<Memory>> allocate(int64_t bytes,
                                             int64_t alignment) override {
    // A mapping takes memory only when it is touched: a system that promises
    // more than it has would end the process then.
    if (int64_t limit = machineMemory(); bytes > limit)
      return Status::error("cannot allocate ", bytes, " bytes: this machine ",
                           "has ", limit);
    // A mapping starts at a page; more than that takes room to move up.
    int64_t slack = alignment > pageBytes ? alignment : 0;
    if (bytes >= hugePageBytes)
      slack = std::max(alignment, hugePageBytes);
    size_t mapped = static_cast<size_t>(std::max<int64_t>(bytes, 1) + slack);
    void *mapping = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
      return Status::error("cannot allocate ", bytes,
                           " bytes: ", std::strerror(errno));
    auto address = reinterpret_cast<uintptr_t>(mapping);
    if (slack > 0)
      address = (address + slack - 1) / slack * slack;
    auto *aligned = reinterpret_cast<std::byte *>(address);
    // Advice only: where the system has no huge pages, nothing is lost.
    if (bytes >= hugePageBytes)
      (void)::madvise(aligned, static_cast<size_t>(bytes), MADV_HUGEPAGE);
    return std::unique_ptr<Memory>(
        std::make_unique<CpuMemory>(mapping, mapped, aligned, bytes));
  }

  Expected<std::unique_ptr<Memory>> allocateHost(int64_t bytes) override {
    return allocate(bytes, pageBytes);
  }

  Expected<std::unique_ptr<Stream>> createStream() override {
    return std::unique_ptr<Stream>(std::make_unique<CpuStream>());
  }

  Status copyFromHost(Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    return copy(stream, target, source, bytes);
  }
  Status copyToHost(Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    return copy(stream, target, source, bytes);
  }
  Status copy(Stream &, void *target, const void *source,
              int64_t bytes) override {
    if (bytes > 0)
      std::memcpy(target, source, static_cast<size_t>(bytes));
    return Status::success();
  }

  Expected<std::shared_ptr<Module>>
  load(std::span<const std::byte> code) override {
    UniqueFile file(::memfd_create("fabric-code", MFD_CLOEXEC));
    if (!file)
      return Status::error("cannot make room for section 'code': ",
                           std::strerror(errno));
    for (size_t written = 0; written < code.size();) {
      ssize_t count =
          ::write(file.get(), code.data() + written, code.size() - written);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return Status::error("cannot make room for section 'code': ",
                             std::strerror(errno));
      written += static_cast<size_t>(count);
    }
    std::string path = "/proc/self/fd/" + std::to_string(file.get());
    UniqueLibrary library(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!library) {
      std::string reason = ::dlerror();
      if (reason.starts_with(path + ": "))
        reason.erase(0, path.size() + 2);
      return Status::error("section 'code' cannot be loaded: ", reason);
    }
    return std::shared_ptr<Module>(std::make_shared<CpuModule>(
        LoadedCode{std::move(file), std::move(library)}));
  }

  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, Stream &) override {
    return kernels::createGemm(desc);
  }
};

} // namespace

Expected<kernels::GemmChoices>
Device::searchGemms(std::span<const kernels::GemmDesc>) {
  return Status::error("products on the ", kind(),
                       " have one algorithm each: there is nothing to search");
}

Status Device::useGemms(std::shared_ptr<const kernels::GemmChoices>) {
  return searchGemms({}).status();
}

std::shared_ptr<Device> createCpuDevice() {
  return std::make_shared<CpuDevice>();
}

Expected<std::shared_ptr<Device>> createDevice(const plan::Target &target,
                                               int ordinal) {
  std::shared_ptr<Device> device;
  if (target.kind == "cuda") {
    FABRIC_ASSIGN_OR_RETURN(device, createCudaDevice(ordinal));
  } else {
    device = createCpuDevice();
  }
  FABRIC_RETURN_IF_ERROR(device->check(target));
  return device;
}

} // namespace fabric::device
