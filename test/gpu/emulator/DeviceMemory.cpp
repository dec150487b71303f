//===- DeviceMemory.cpp - The memory of an emulated GPU -------------------===//

#include "test/gpu/emulator/DeviceMemory.h"
#include "runtime/Support/File.h"

#include <algorithm>

namespace fabric::emulator {

Expected<uint64_t> DeviceMemory::allocate(int64_t bytes, int64_t alignment) {
  if (int64_t limit = machineMemory(); bytes > limit)
    return Status::error("cannot allocate ", bytes, " bytes: this machine has ",
                         limit);
  auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  auto unit = static_cast<uint64_t>(alignment);
  // An odd multiple: what needs more than was asked for is seen.
  uint64_t begin = (next / (2 * unit) + 1) * 2 * unit + unit;
  Region region{begin, begin + static_cast<uint64_t>(bytes),
                ZeroPages<std::byte>(size), AccessLog(size)};
  if (!region.bytes || !region.log)
    return Status::error("cannot allocate ", bytes, " bytes");
  regions.emplace(begin, std::move(region));
  next = begin + size + gap;
  return begin;
}

void DeviceMemory::release(uint64_t address) {
  last = nullptr;
  regions.erase(address);
}

DeviceMemory::Region *DeviceMemory::find(uint64_t address, uint64_t bytes) {
  auto holds = [&](const Region &region) {
    return address >= region.begin && address <= region.end &&
           bytes <= region.end - address;
  };
  if (last && holds(*last))
    return last;
  auto after = regions.upper_bound(address);
  if (after == regions.begin() || !holds(std::prev(after)->second))
    return nullptr;
  return last = &std::prev(after)->second;
}

Expected<std::byte *> DeviceMemory::locate(const void *address, int64_t bytes) {
  auto number = reinterpret_cast<uint64_t>(address);
  Region *region = find(number, static_cast<uint64_t>(bytes));
  if (!region)
    return Status::error(bytes, " bytes at ", describe(number));
  return region->bytes.get() + (number - region->begin);
}

std::string DeviceMemory::describe(uint64_t address) const {
  std::ostringstream text;
  text << "0x" << std::hex << address << std::dec;
  auto after = regions.upper_bound(address);
  if (after == regions.begin())
    return text.str() + ", before every allocation";
  const Region &region = std::prev(after)->second;
  text << ", " << address - region.begin << " bytes into an allocation of "
       << region.end - region.begin;
  return text.str();
}

} // namespace fabric::emulator
