//===- EmulatedDevice.cpp - A GPU on the host -----------------------------===//

#include "test/gpu/emulator/EmulatedDevice.h"
#include "runtime/Device/CudaTarget.h"
#include "runtime/Device/Device.h"

#include <algorithm>
#include <cstring>

namespace fabric::emulator {
namespace {

using namespace device;

class EmulatedMemory final : public Memory {
public:
  EmulatedMemory(std::shared_ptr<Processor> processor, uint64_t address,
                 int64_t size)
      : processor(std::move(processor)), address(address), size(size) {}
  ~EmulatedMemory() override {
    std::lock_guard lock(processor->mutex);
    processor->memory.release(address);
  }
  std::byte *data() const override {
    return reinterpret_cast<std::byte *>(address);
  }
  int64_t bytes() const override { return size; }

private:
  std::shared_ptr<Processor> processor;
  uint64_t address;
  int64_t size;
};

/// Of the host, and read when a copy's turn has come.
class PinnedMemory final : public Memory {
public:
  PinnedMemory(std::shared_ptr<Processor> processor, int64_t size)
      : processor(std::move(processor)),
        elements(static_cast<size_t>(std::max<int64_t>(size, 1))), size(size) {
    std::lock_guard lock(this->processor->mutex);
    this->processor->pinned[data()] = size;
  }
  ~PinnedMemory() override {
    std::lock_guard lock(processor->mutex);
    processor->pinned.erase(data());
  }
  std::byte *data() const override { return elements.get(); }
  int64_t bytes() const override { return size; }

private:
  std::shared_ptr<Processor> processor;
  ZeroPages<std::byte> elements;
  int64_t size;
};

class EmulatedKernel final : public Kernel {
public:
  EmulatedKernel(std::shared_ptr<const Code> code, const std::string &name,
                 const plan::Grid &grid)
      : code(std::move(code)), name(name), entry(this->code->entries.at(name)),
        grid(grid) {}

  Status launch(Stream &stream, void *const *buffers) const override {
    EmulatedStream &given = emulated(stream);
    std::vector<void *> parameters(buffers, buffers + entry.numParameters);
    return given.give([&launcher = given.processor->launcher, code = code,
                       name = name, &entry = entry, grid = grid,
                       parameters = std::move(parameters)] {
      return launcher.launch(*code, entry, grid, parameters)
          .in("kernel '" + name + "'");
    });
  }

private:
  std::shared_ptr<const Code> code;
  std::string name;
  const Entry &entry;
  plan::Grid grid;
};

class EmulatedModule final : public Module {
public:
  explicit EmulatedModule(Code code)
      : code(std::make_shared<const Code>(std::move(code))) {}

  Expected<std::unique_ptr<Kernel>>
  find(const std::string &symbol, int64_t numBuffers,
       const std::optional<plan::Grid> &grid) const override {
    std::string context = "kernel '" + symbol + "'";
    if (!grid)
      return Status::error(context, ": expected a grid");
    auto found = code->entries.find(symbol);
    if (found == code->entries.end())
      return Status::error("section 'code' has no ", context);
    auto declared = static_cast<int64_t>(found->second.numParameters);
    if (declared != numBuffers)
      return Status::error(context, ": the launch has ", numBuffers,
                           " buffers and the code has ",
                           declared > numBuffers ? "more" : "fewer",
                           " parameters");
    FABRIC_RETURN_IF_ERROR(Launcher::check(found->second, *grid).in(context));
    return std::unique_ptr<Kernel>(
        std::make_unique<EmulatedKernel>(code, symbol, *grid));
  }

private:
  std::shared_ptr<const Code> code;
};

class EmulatedDevice final : public Device {
public:
  std::string_view kind() const override { return "cuda"; }
  bool hostAccessible() const override { return false; }

  Status check(const plan::Target &target) const override {
    return checkCudaTarget(target, {"the emulated GPU", 10, 0});
  }

  Expected<std::unique_ptr<Memory>> allocate(int64_t bytes,
                                             int64_t alignment) override {
    constexpr int64_t ofCudaMalloc = 256;
    std::lock_guard lock(processor->mutex);
    FABRIC_ASSIGN_OR_RETURN(
        uint64_t address,
        processor->memory.allocate(bytes, std::max(alignment, ofCudaMalloc)));
    return std::unique_ptr<Memory>(
        std::make_unique<EmulatedMemory>(processor, address, bytes));
  }
  Expected<std::unique_ptr<Memory>> allocateHost(int64_t bytes) override {
    return std::unique_ptr<Memory>(
        std::make_unique<PinnedMemory>(processor, bytes));
  }
  Expected<std::unique_ptr<Stream>> createStream() override {
    return std::unique_ptr<Stream>(std::make_unique<EmulatedStream>(processor));
  }

  Status copyFromHost(Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    const auto *from = static_cast<const std::byte *>(source);
    if (isPinned(from, bytes))
      return emulated(stream).give([=, processor = processor.get()] {
        return put(*processor, target, from, bytes);
      });
    FABRIC_RETURN_IF_ERROR(
        emulated(stream).checkIsNotCaptured("bytes of the host"));
    return emulated(stream).give(
        [=, processor = processor.get(),
         kept = std::vector<std::byte>(from, from + bytes)] {
          return put(*processor, target, kept.data(), bytes);
        });
  }
  Status copyToHost(Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    FABRIC_RETURN_IF_ERROR(
        emulated(stream).give([=, processor = processor.get()]() -> Status {
          FABRIC_ASSIGN_OR_RETURN(std::byte * from,
                                  processor->memory.locate(source, bytes));
          std::memcpy(target, from, static_cast<size_t>(bytes));
          return Status::success();
        }));
    return stream.synchronize();
  }
  Status copy(Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return emulated(stream).give([=, processor = processor.get()]() -> Status {
      FABRIC_ASSIGN_OR_RETURN(std::byte * from,
                              processor->memory.locate(source, bytes));
      return put(*processor, target, from, bytes);
    });
  }

  Expected<std::shared_ptr<Module>>
  load(std::span<const std::byte> code) override {
    auto parsed =
        parsePtx({reinterpret_cast<const char *>(code.data()), code.size()});
    if (parsed.failed())
      return parsed.status().in("section 'code' cannot be loaded");
    return std::shared_ptr<Module>(
        std::make_shared<EmulatedModule>(std::move(*parsed)));
  }

  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, Stream &stream) override {
    return createEmulatedGemm(desc, emulated(stream));
  }

private:
  bool isPinned(const std::byte *from, int64_t bytes) const {
    std::lock_guard lock(processor->mutex);
    auto after = processor->pinned.upper_bound(from);
    return after != processor->pinned.begin() &&
           from + bytes <= std::prev(after)->first + std::prev(after)->second;
  }
  static Status put(Processor &processor, void *target, const std::byte *from,
                    int64_t bytes) {
    FABRIC_ASSIGN_OR_RETURN(std::byte * to,
                            processor.memory.locate(target, bytes));
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return Status::success();
  }

  std::shared_ptr<Processor> processor = std::make_shared<Processor>();
};

} // namespace
} // namespace fabric::emulator

int fabric::device::numCudaDevices() { return 1; }

fabric::Expected<std::shared_ptr<fabric::device::Device>>
fabric::device::createCudaDevice(int ordinal) {
  if (ordinal != 0)
    return Status::error("expected GPU ", ordinal, ", found 1 of them");
  return std::shared_ptr<Device>(std::make_shared<emulator::EmulatedDevice>());
}
