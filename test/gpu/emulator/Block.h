//===- Block.h - The threads of a block -------------------------*- C++ -*-===//
//
// One after the other, each until it waits at a barrier or for its warp, or
// leaves; the order changes nothing, for a race is an error. What
// compute-sanitizer finds is an error here, too: memory that is nobody's,
// alignment, races, shared memory that was never written, barriers that not all
// threads of the block come to.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_BLOCK_H
#define FABRIC_TEST_GPU_EMULATOR_BLOCK_H

#include "runtime/Plan/Plan.h"
#include "test/gpu/emulator/DeviceMemory.h"
#include "test/gpu/emulator/Ptx.h"

#include <span>

namespace fabric::emulator {

class Block;

struct Thread {
  enum class State { Ready, AtBarrier, AtShuffle, Gone };
  State state = State::Ready;
  Cell *cells = nullptr;
  uint32_t next = 0; ///< Instruction.
  uint16_t number = 0;
  Block *block = nullptr;
};

enum class Access { Read, Write };

class Block {
public:
  static constexpr int warpSize = 32;

  Block(const Entry &entry, const Code &code, DeviceMemory &memory);

  /// Runs the threads of one block of the grid, which begin with `cells`. `at`
  /// says when.
  Status run(std::span<const Cell> cells, const plan::Grid &grid, Moment at);

  /// Time, after run().
  uint32_t now() const { return at.now; }

  //===--------------------------------------------------------------------===//
  // For instructions
  //===--------------------------------------------------------------------===//

  /// The bytes, or null after a fault.
  std::byte *reachGlobal(const Instruction &instruction, Thread &thread,
                         uint64_t address, uint32_t bytes, Access access);
  std::byte *reachShared(const Instruction &instruction, Thread &thread,
                         uint64_t address, uint32_t bytes, Access access);

  /// What is wrong in this thread, at this instruction.
  Next fail(const Instruction &instruction, const Thread &thread,
            const std::string &what);

private:
  void runThread(Thread &thread);
  bool release();
  void releaseWarp(std::span<Thread> warp);
  void passBarrier();
  bool areAll(std::span<const Thread> some, Thread::State state) const;
  const Instruction &lastOf(const Thread &thread) const;

  const Entry &entry;
  const Code &code;
  DeviceMemory &memory;
  std::vector<Thread> threads;
  std::vector<Cell> cells; ///< Of all threads.
  std::vector<std::byte> shared;
  AccessLog sharedLog;
  Moment at;
  Status fault = Status::success();
};

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_BLOCK_H
