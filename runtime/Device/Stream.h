//===- Stream.h - An order of work on a device ------------------*- C++ -*-===//
//
// Kernels, products, copies and collectives are given to a stream, which runs
// them one after the other. On the cpu a call returns when its work is done,
// and all of this does nothing; elsewhere a call returns at once, and what went
// wrong comes out of a later one, at the latest of synchronize().
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_DEVICE_STREAM_H
#define FABRIC_RUNTIME_DEVICE_STREAM_H

#include "runtime/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace fabric::device {

/// A place in a stream's order; none until it is recorded.
class Event {
public:
  virtual ~Event() = default;
  /// Returns when the work before it is done.
  virtual Status synchronize() const = 0;
};

/// When a stream comes past places in its order.
class Stopwatch {
public:
  virtual ~Stopwatch() = default;
  /// Waits until the stream is idle, and counts from then on.
  virtual Status start() = 0;
  /// Lap `lap` ends here. Allocates nothing.
  virtual Status mark(size_t lap) = 0;
  /// When the stream came past the last mark of `lap`, once it has: nanoseconds
  /// of the host's steady clock.
  virtual Expected<int64_t> at(size_t lap) const = 0;
};

class Stream;

/// Work that was given to a stream once, to be run again.
class Graph {
public:
  virtual ~Graph() = default;
  virtual Status launch(Stream &stream) = 0;
};

/// Used by one thread; its events by any.
class Stream {
public:
  virtual ~Stream() = default;
  /// Of the device: "cpu", "cuda".
  virtual std::string_view kind() const = 0;

  virtual Expected<std::unique_ptr<Event>> createEvent() = 0;
  /// Moves the event to here.
  virtual Status record(Event &event) = 0;
  /// What follows runs after the event, as it was recorded last, in whichever
  /// stream of the same device kind. The host does not wait.
  virtual Status wait(const Event &event) = 0;
  /// Returns when everything before is done.
  virtual Status synchronize() = 0;
  /// Whether everything before is done.
  virtual Expected<bool> done() = 0;

  /// With laps 0 to `laps` - 1. The stream outlives it.
  virtual Expected<std::unique_ptr<Stopwatch>> createStopwatch(size_t laps) = 0;

  /// Whether it has what follows.
  virtual bool captures() const { return false; }
  /// What it is given until endCapture() is kept and does not run.
  virtual Status beginCapture();
  /// Also called where what was given has failed.
  virtual Expected<std::unique_ptr<Graph>> endCapture();

  /// For the wrappers of the device's libraries: a cudaStream_t; null on the
  /// cpu.
  virtual void *native() const { return nullptr; }
};

inline Status Stream::beginCapture() {
  return Status::error("a stream of the ", kind(), " cannot be captured");
}
inline Expected<std::unique_ptr<Graph>> Stream::endCapture() {
  return beginCapture();
}

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_STREAM_H
