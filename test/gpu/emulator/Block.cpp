//===- Block.cpp - The threads of a block ---------------------------------===//

#include "test/gpu/emulator/Block.h"

#include <algorithm>

namespace fabric::emulator {

Block::Block(const Entry &entry, const Code &code, DeviceMemory &memory)
    : entry(entry), code(code), memory(memory),
      shared(entry.sharedEnd - sharedBegin),
      sharedLog(std::max<size_t>(1, shared.size())) {}

Status Block::run(std::span<const Cell> start, const plan::Grid &grid,
                  Moment moment) {
  at = moment;
  fault = Status::success();
  auto [x, y, z] = grid.threads;
  auto total = static_cast<size_t>(x * y * z);
  threads.assign(total, {});
  cells.resize(total * start.size());
  for (size_t number = 0; number < total; ++number) {
    Cell *own = cells.data() + number * start.size();
    std::copy(start.begin(), start.end(), own);
    auto n = static_cast<int64_t>(number);
    own[threadCell] = static_cast<Cell>(n % x);
    own[threadCell + 1] = static_cast<Cell>(n / x % y);
    own[threadCell + 2] = static_cast<Cell>(n / (x * y));
    threads[number].cells = own;
    threads[number].number = static_cast<uint16_t>(number);
    threads[number].block = this;
  }
  while (fault.ok() && !areAll(threads, Thread::State::Gone)) {
    bool ran = false;
    for (Thread &thread : threads) {
      if (thread.state != Thread::State::Ready || fault.failed())
        continue;
      ran = true;
      runThread(thread);
    }
    if (fault.ok() && !ran && !release()) {
      const Thread &waits = *std::find_if(
          threads.begin(), threads.end(), [](const Thread &thread) {
            return thread.state != Thread::State::Gone;
          });
      fail(lastOf(waits), waits, "waits for what never happens");
    }
  }
  return fault;
}

void Block::runThread(Thread &thread) {
  const Instruction *instructions = entry.code.data();
  constexpr int64_t most = 10'000'000;
  for (int64_t count = 0; count < most; ++count) {
    const Instruction &instruction = instructions[thread.next];
    if (instruction.guard != noCell &&
        (thread.cells[instruction.guard] != 0) != instruction.guardIs) {
      ++thread.next;
      continue;
    }
    switch (instruction.run(instruction, thread)) {
    case Next::Go:
      ++thread.next;
      continue;
    case Next::Jump:
      continue;
    case Next::WaitForBlock:
      thread.state = Thread::State::AtBarrier;
      break;
    case Next::WaitForWarp:
      thread.state = Thread::State::AtShuffle;
      break;
    case Next::Leave:
      thread.state = Thread::State::Gone;
      return;
    case Next::Fault:
      return;
    }
    ++thread.next;
    return;
  }
  fail(instructions[thread.next], thread, "does not end");
}

//===----------------------------------------------------------------------===//
// Threads that wait
//===----------------------------------------------------------------------===//

bool Block::areAll(std::span<const Thread> some, Thread::State state) const {
  return std::all_of(some.begin(), some.end(), [&](const Thread &thread) {
    return thread.state == state;
  });
}

/// The instruction that it waits at.
const Instruction &Block::lastOf(const Thread &thread) const {
  return entry.code[thread.next - 1];
}

/// Lets those go on who have what they wait for; false where nobody has.
bool Block::release() {
  bool any = areAll(threads, Thread::State::AtBarrier);
  if (any)
    passBarrier();
  for (size_t first = 0; first < threads.size(); first += warpSize) {
    std::span<Thread> warp(threads.data() + first,
                           std::min<size_t>(warpSize, threads.size() - first));
    if (!areAll(warp, Thread::State::AtShuffle))
      continue;
    releaseWarp(warp);
    any = true;
  }
  return any;
}

/// The threads of a warp come to one barrier together.
void Block::passBarrier() {
  ++at.now;
  for (Thread &thread : threads) {
    const Thread &first = threads[thread.number / warpSize * warpSize];
    if (thread.next != first.next)
      fail(lastOf(thread), thread, "another barrier than its warp's");
    thread.state = Thread::State::Ready;
  }
}

/// shfl.sync.bfly: lane ^ b, where that is in the lane's segment.
void Block::releaseWarp(std::span<Thread> warp) {
  auto lanes = static_cast<uint32_t>(warp.size());
  uint32_t values[warpSize];
  for (uint32_t lane = 0; lane < lanes; ++lane)
    values[lane] =
        static_cast<uint32_t>(warp[lane].cells[lastOf(warp[lane]).cells[1]]);
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    Thread &thread = warp[lane];
    const Instruction &instruction = lastOf(thread);
    auto operand = [&](int number) {
      return static_cast<uint32_t>(thread.cells[instruction.cells[number]]);
    };
    uint32_t distance = operand(2) & 0x1f, members = operand(4);
    uint32_t segment = operand(3) >> 8 & 0x1f, clamp = operand(3) & 0x1f;
    uint32_t last = (lane & segment) | (clamp & ~segment);
    uint32_t source = lane ^ distance;
    if (source > last)
      source = lane;
    if (thread.next != warp[0].next || members != ~uint32_t(0) ||
        source >= lanes) {
      fail(instruction, thread, "not the whole warp takes part");
      return;
    }
    thread.cells[instruction.cells[0]] = values[source];
    thread.state = Thread::State::Ready;
  }
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

std::byte *Block::reachGlobal(const Instruction &instruction, Thread &thread,
                              uint64_t address, uint32_t bytes, Access access) {
  auto where = [&] {
    return std::to_string(bytes) + " bytes at " + memory.describe(address);
  };
  if (address % bytes != 0) {
    fail(instruction, thread, "not aligned: " + where());
    return nullptr;
  }
  DeviceMemory::Region *region = memory.find(address, bytes);
  if (!region) {
    fail(instruction, thread, "outside of every allocation: " + where());
    return nullptr;
  }
  uint64_t offset = address - region->begin;
  at.thread = thread.number;
  if (access == Access::Read ? region->log.read(offset, bytes, at)
                             : region->log.write(offset, bytes, at)) {
    fail(instruction, thread, "a race with another thread: " + where());
    return nullptr;
  }
  return region->bytes.get() + offset;
}

std::byte *Block::reachShared(const Instruction &instruction, Thread &thread,
                              uint64_t address, uint32_t bytes, Access access) {
  auto where = [&] {
    return std::to_string(bytes) + " bytes at " + std::to_string(address) +
           " of shared memory";
  };
  auto complain = [&](const char *what) {
    fail(instruction, thread, what + where());
    return nullptr;
  };
  if (address % bytes != 0)
    return complain("not aligned: ");
  if (std::none_of(entry.shared.begin(), entry.shared.end(),
                   [&](const SharedVariable &variable) {
                     return address >= variable.begin &&
                            address + bytes <= variable.end;
                   }))
    return complain("outside of every variable: ");
  uint64_t offset = address - sharedBegin;
  at.thread = thread.number;
  if (access == Access::Read && !sharedLog.isWritten(offset, bytes, at))
    return complain("never written: ");
  // Another block's shared memory is another one.
  Moment here = at;
  here.launch = at.block;
  if (access == Access::Read ? sharedLog.read(offset, bytes, here)
                             : sharedLog.write(offset, bytes, here))
    return complain("a race with another thread: ");
  return shared.data() + offset;
}

Next Block::fail(const Instruction &instruction, const Thread &thread,
                 const std::string &what) {
  auto place = [&](SpecialCell first) {
    std::string text;
    for (uint32_t i = 0; i < 3; ++i)
      text += (i ? "," : "") + std::to_string(thread.cells[first + i]);
    return text;
  };
  if (fault.ok())
    fault = Status::error("block ", place(blockCell), ", thread ",
                          place(threadCell), ", line ", instruction.line, " '",
                          code.lines[instruction.line - 1], "': ", what);
  return Next::Fault;
}

} // namespace fabric::emulator
