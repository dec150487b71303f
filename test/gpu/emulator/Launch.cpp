//===- Launch.cpp - A grid of blocks --------------------------------------===//

#include "test/gpu/emulator/Launch.h"

#include <algorithm>

namespace fabric::emulator {

Status Launcher::check(const Entry &entry, const plan::Grid &grid) {
  auto count = [](const auto &extents) {
    return extents[0] * extents[1] * extents[2];
  };
  int64_t threads = count(grid.threads), blocks = count(grid.blocks);
  if (blocks < 1 || threads < 1 || threads > entry.maxThreads)
    return Status::error("expected blocks of 1 to ", entry.maxThreads,
                         " threads, found ", blocks, " of ", threads);
  // What a block may have without asking.
  constexpr uint64_t most = 48 << 10;
  if (uint64_t bytes = entry.sharedEnd - sharedBegin; bytes > most)
    return Status::error("a block has ", bytes, " bytes of shared memory, of ",
                         most);
  if (grid.sharedBytes != 0)
    return Status::error("shared memory is in the code, and the launch has ",
                         grid.sharedBytes, " bytes");
  return Status::success();
}

Status Launcher::launch(const Code &code, const Entry &entry,
                        const plan::Grid &grid,
                        std::span<void *const> parameters) {
  FABRIC_RETURN_IF_ERROR(check(entry, grid));
  if (parameters.size() != entry.numParameters)
    return Status::error("expected ", entry.numParameters,
                         " parameters, found ", parameters.size());
  std::vector<Cell> cells = entry.cells;
  for (size_t i = 0; i < parameters.size(); ++i)
    cells[numSpecialCells + i] = reinterpret_cast<Cell>(parameters[i]);
  for (uint32_t dim = 0; dim < 3; ++dim) {
    cells[threadsCell + dim] = static_cast<Cell>(grid.threads[dim]);
    cells[blocksCell + dim] = static_cast<Cell>(grid.blocks[dim]);
  }
  auto [x, y, z] = grid.blocks;
  int64_t total = x * y * z;
  Block block(entry, code, memory);
  Moment at;
  at.launch = ++time;
  for (int64_t i = 0; i < total; ++i) {
    cells[blockCell] = static_cast<Cell>(i % x);
    cells[blockCell + 1] = static_cast<Cell>(i / x % y);
    cells[blockCell + 2] = static_cast<Cell>(i / (x * y));
    at.block = at.now = ++time;
    FABRIC_RETURN_IF_ERROR(block.run(cells, grid, at));
    time = block.now();
  }
  return Status::success();
}

} // namespace fabric::emulator
