//===- Ptx.h - PTX, ready to run --------------------------------*- C++ -*-===//
//
// The part of PTX that LLVM's back end makes of our kernels. Every instruction
// is a function and the numbers of a thread's cells: special registers,
// parameters, constants and registers all lie in one array of 64-bit cells, in
// which a narrower value has zeros above it.
//
// What is not known is an error that names the line: nothing is guessed.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_PTX_H
#define FABRIC_TEST_GPU_EMULATOR_PTX_H

#include "runtime/Support/Status.h"

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace fabric::emulator {

using Cell = uint64_t;
struct Thread;
struct Instruction;

/// What a thread does after an instruction.
enum class Next { Go, Jump, WaitForBlock, WaitForWarp, Leave, Fault };

/// Changes the thread's cells and the memory that it reaches.
using Behaviour = Next (*)(const Instruction &, Thread &);

constexpr uint32_t noCell = 0xffffffff;

struct Instruction {
  Behaviour run = nullptr;
  /// Of the operands, in the order of the text; of an address, its base.
  std::array<uint32_t, 6> cells = {};
  int64_t offset = 0;      ///< Added to an address.
  uint32_t target = 0;     ///< Of a branch.
  uint32_t guard = noCell; ///< The predicate that lets it run.
  bool guardIs = true;     ///< What that has to be.
  int line = 0;
};

/// The cells that every thread has first.
enum SpecialCell : uint32_t {
  threadCell = 0,  ///< %tid.x, .y, .z
  blockCell = 3,   ///< %ctaid
  threadsCell = 6, ///< %ntid
  blocksCell = 9,  ///< %nctaid
  sinkCell = 12,   ///< What is written to `_`.
  numSpecialCells = 13,
};

/// In shared memory.
struct SharedVariable {
  uint64_t begin = 0, end = 0; ///< Addresses.
};

/// A kernel.
struct Entry {
  std::vector<Instruction> code; ///< Ends with one that leaves.
  std::vector<Cell> cells;       ///< As a thread begins.
  size_t numParameters = 0;      ///< Of 64 bits; cells from numSpecialCells on.
  std::vector<SharedVariable> shared;
  uint64_t sharedEnd = 0;    ///< Of the last one.
  int64_t maxThreads = 1024; ///< Of a block.
};

struct Code {
  std::vector<std::string> lines; ///< For messages.
  std::map<std::string, Entry, std::less<>> entries;
};

/// Where shared memory begins, in its own window.
constexpr uint64_t sharedBegin = 1024;

Expected<Code> parsePtx(std::string_view text);

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_PTX_H
