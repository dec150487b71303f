//===- AccessLog.h - Who touched which byte, and when -----------*- C++ -*-===//
//
// For memory that threads of a launch share: finds accesses that nothing
// orders. Time is a number that moves on at every barrier, block and launch.
// Two accesses, one of them a write, race if they are of two blocks of a
// launch, or of two threads of a block between the same barriers.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_ACCESSLOG_H
#define FABRIC_TEST_GPU_EMULATOR_ACCESSLOG_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace fabric::emulator {

/// Who accesses, and when.
struct Moment {
  uint32_t launch = 1; ///< The time at which the launch began.
  uint32_t block = 1;  ///< That at which the thread's block did.
  uint32_t now = 1;
  uint16_t thread = 0; ///< In its block.
};

/// Zeros that take memory only where they are touched; null where there is not
/// even room for their addresses.
template <typename T> class ZeroPages {
public:
  explicit ZeroPages(size_t count)
      : elements(static_cast<T *>(std::calloc(count, sizeof(T)))) {}
  explicit operator bool() const { return elements != nullptr; }
  T *get() const { return elements.get(); }
  T &operator[](size_t i) const { return elements.get()[i]; }

private:
  struct Free {
    void operator()(T *elements) const { std::free(elements); }
  };
  std::unique_ptr<T, Free> elements;
};

class AccessLog {
public:
  explicit AccessLog(size_t bytes) : log(bytes) {}
  explicit operator bool() const { return static_cast<bool>(log); }

  /// Whether another thread has written any of the bytes, unordered.
  bool read(size_t first, size_t count, const Moment &at) {
    bool races = false;
    for (Byte *byte = &log[first]; byte != &log[first + count]; ++byte) {
      races |= isUnordered(byte->written, byte->writer, at);
      if (byte->read < at.launch)
        byte->reader = at.thread;
      else if (byte->read < at.block || byte->reader == severalBlocks)
        byte->reader = severalBlocks;
      else if (byte->read < at.now)
        byte->reader = at.thread;
      else if (byte->reader != at.thread)
        byte->reader = severalThreads;
      byte->read = at.now;
    }
    return races;
  }

  /// Whether another thread has read or written any of the bytes, unordered.
  bool write(size_t first, size_t count, const Moment &at) {
    bool races = false;
    for (Byte *byte = &log[first]; byte != &log[first + count]; ++byte) {
      races |= isUnordered(byte->written, byte->writer, at) ||
               isUnordered(byte->read, byte->reader, at);
      byte->written = at.now;
      byte->writer = at.thread;
    }
    return races;
  }

  /// Whether all of the bytes have been written since the block began.
  bool isWritten(size_t first, size_t count, const Moment &at) const {
    for (const Byte *byte = &log[first]; byte != &log[first + count]; ++byte)
      if (byte->written < at.block)
        return false;
    return true;
  }

private:
  /// In place of a reader's number. Blocks have at most 1024 threads.
  static constexpr uint16_t severalThreads = 0xffff, severalBlocks = 0xfffe;

  struct Byte {
    uint32_t written, read;  ///< When, last; 0: never.
    uint16_t writer, reader; ///< Of that moment.
  };

  static bool isUnordered(uint32_t when, uint16_t who, const Moment &at) {
    if (when < at.launch)
      return false;
    if (when < at.block || who == severalBlocks)
      return true;
    return when == at.now && who != at.thread;
  }

  ZeroPages<Byte> log;
};

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_ACCESSLOG_H
