//===- DeviceMemory.h - The memory of an emulated GPU -----------*- C++ -*-===//
//
// Addresses are the device's own: no processor maps them, so that a host that
// reads through one ends there. Allocations lie apart and are aligned as asked,
// and no better. Used under a lock.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_DEVICEMEMORY_H
#define FABRIC_TEST_GPU_EMULATOR_DEVICEMEMORY_H

#include "runtime/Support/Status.h"
#include "test/gpu/emulator/AccessLog.h"

#include <map>
#include <string>

namespace fabric::emulator {

class DeviceMemory {
public:
  struct Region {
    uint64_t begin = 0, end = 0;
    ZeroPages<std::byte> bytes;
    AccessLog log;
  };

  /// Zeroed. `alignment` is a power of two.
  Expected<uint64_t> allocate(int64_t bytes, int64_t alignment);
  void release(uint64_t address);

  /// The allocation that all of the bytes lie in, or null.
  Region *find(uint64_t address, uint64_t bytes);

  /// Where the host keeps these bytes; for copies and products.
  Expected<std::byte *> locate(const void *address, int64_t bytes);

  /// What lies before the address: for messages.
  std::string describe(uint64_t address) const;

private:
  std::map<uint64_t, Region> regions; ///< By their beginnings.
  Region *last = nullptr;             ///< That was found.
  uint64_t next = firstAddress;

  /// x86-64 and AArch64 map nothing there.
  static constexpr uint64_t firstAddress = 0x0dd0'0000'0000'0000;
  /// Between allocations, at least.
  static constexpr uint64_t gap = 1 << 16;
};

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_DEVICEMEMORY_H
