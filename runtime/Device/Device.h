//===- Device.h - Where a plan runs -----------------------------*- C++ -*-===//
//
// One interface for processors of every kind: memory, copies, kernels of the
// plan's "code" section, matrix products. A device is shared by the ranks of a
// process, each of which gives its work to streams of its own; its functions
// are thread safe. Addresses that it gives out are only for its own functions
// and kernels (on the cpu they are plain pointers).
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_DEVICE_DEVICE_H
#define FABRIC_RUNTIME_DEVICE_DEVICE_H

#include "runtime/Device/Stream.h"
#include "runtime/Kernels/GemmChoices.h"
#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fabric::device {

/// Owns one allocation of a device. Starts zeroed.
class Memory {
public:
  virtual ~Memory() = default;
  virtual std::byte *data() const = 0;
  virtual int64_t bytes() const = 0;
};

/// A kernel of a loaded module, which it keeps loaded. Thread safe.
class Kernel {
public:
  virtual ~Kernel() = default;
  /// `buffers`: device addresses in the order of the plan's launch, as many as
  /// find() was told.
  virtual Status launch(Stream &stream, void *const *buffers) const = 0;
};

/// The plan's "code" section, loaded.
class Module {
public:
  virtual ~Module() = default;
  /// For launches of `numBuffers` buffers. A device other than the cpu needs a
  /// grid.
  virtual Expected<std::unique_ptr<Kernel>>
  find(const std::string &symbol, int64_t numBuffers,
       const std::optional<plan::Grid> &grid) const = 0;
};

class Device {
public:
  virtual ~Device() = default;
  /// As in plan::Target::kind.
  virtual std::string_view kind() const = 0;

  /// Whether this machine can run code for `target`; names what is missing.
  virtual Status check(const plan::Target &target) const = 0;

  /// Whether the host may read and write at the device's addresses.
  virtual bool hostAccessible() const = 0;

  /// `alignment` is a power of two.
  virtual Expected<std::unique_ptr<Memory>> allocate(int64_t bytes,
                                                     int64_t alignment) = 0;

  /// Memory of the host that copies reach without a detour.
  virtual Expected<std::unique_ptr<Memory>> allocateHost(int64_t bytes) = 0;

  virtual Expected<std::unique_ptr<Stream>> createStream() = 0;

  /// `source` may change when this returns, but for memory of allocateHost():
  /// that, when the stream has come past.
  virtual Status copyFromHost(Stream &stream, void *target, const void *source,
                              int64_t bytes) = 0;
  /// Returns when `target` is written.
  virtual Status copyToHost(Stream &stream, void *target, const void *source,
                            int64_t bytes) = 0;
  /// On the device. The two do not overlap.
  virtual Status copy(Stream &stream, void *target, const void *source,
                      int64_t bytes) = 0;

  /// Loads code that check() has accepted the target of.
  virtual Expected<std::shared_ptr<Module>>
  load(std::span<const std::byte> code) = 0;

  /// For the calling thread, which will run it in `stream`.
  virtual Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, Stream &stream) = 0;

  /// The fastest algorithm for each of the products, by the clock. Fails on a
  /// device whose library leaves no choice.
  virtual Expected<kernels::GemmChoices>
  searchGemms(std::span<const kernels::GemmDesc> products);

  /// createGemm() makes products as a search has found from here on. Fails
  /// where that was on another device, or for another library.
  virtual Status useGemms(std::shared_ptr<const kernels::GemmChoices> choices);
};

std::shared_ptr<Device> createCpuDevice();

/// How many GPUs this build and machine can use.
int numCudaDevices();

/// The GPU with this number; an error where this build or machine has none.
Expected<std::shared_ptr<Device>> createCudaDevice(int ordinal);

/// The device for `target`; an error where this build or machine has none.
Expected<std::shared_ptr<Device>> createDevice(const plan::Target &target,
                                               int ordinal = 0);

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_DEVICE_H
