//===- Launch.h - A grid of blocks ------------------------------*- C++ -*-===//

#ifndef FABRIC_TEST_GPU_EMULATOR_LAUNCH_H
#define FABRIC_TEST_GPU_EMULATOR_LAUNCH_H

#include "test/gpu/emulator/Block.h"

namespace fabric::emulator {

/// Runs launches one after the other.
class Launcher {
public:
  explicit Launcher(DeviceMemory &memory) : memory(memory) {}

  /// Before a kernel is launched: whether it can be, with such a grid.
  static Status check(const Entry &entry, const plan::Grid &grid);

  Status launch(const Code &code, const Entry &entry, const plan::Grid &grid,
                std::span<void *const> parameters);

private:
  DeviceMemory &memory;
  uint32_t time = 0;
};

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_LAUNCH_H
