//===- EmulatedStream.h - Streams of an emulated GPU ------------*- C++ -*-===//
//
// Work is kept until somebody waits for some of it, and runs then: of all
// streams of the device whose next work waits for no event, any. What events do
// not order runs in another order than it was given.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_EMULATEDSTREAM_H
#define FABRIC_TEST_GPU_EMULATOR_EMULATEDSTREAM_H

#include "runtime/Device/Stream.h"
#include "test/gpu/emulator/DeviceMemory.h"
#include "test/gpu/emulator/Launch.h"

#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <vector>

namespace fabric::emulator {

using Work = std::function<Status()>;

/// A place in a stream that an event was recorded at.
using Mark = std::shared_ptr<bool>; ///< Whether the stream has come past it.

/// What a stream is given.
struct Item {
  Work work;
  Mark waitsFor, marks; ///< Null: for nothing, none.
};

using Queue = std::deque<Item>;

/// Runs an item of one of the queues that can go on. False: none can.
Expected<bool> runAny(std::span<Queue *const> queues, std::mt19937 &random);

/// What all streams of a device share. Its members are used under its lock.
class Processor {
public:
  std::mutex mutex;
  DeviceMemory memory;
  Launcher launcher{memory};
  std::map<const std::byte *, int64_t> pinned; ///< The host's, and their bytes.

  void add(Queue &queue) { queues.push_back(&queue); }
  void remove(Queue &queue) { std::erase(queues, &queue); }

  /// Runs work of whichever streams until that is so. After a failure, which
  /// every later call returns as well, nothing runs any more.
  Status runUntil(const std::function<bool()> &isDone);

  /// Of the work that failed.
  Status status() const { return failure; }

private:
  std::vector<Queue *> queues;
  std::mt19937 random;
  Status failure = Status::success();
};

class EmulatedStream;

/// A step that is captured: what the streams that take part were given.
struct Capture {
  std::vector<EmulatedStream *> streams; ///< First the one that began.
  std::vector<Queue> queues;             ///< Of each of these.
  bool hasEnded = false;
};

class EmulatedEvent final : public device::Event {
public:
  explicit EmulatedEvent(std::shared_ptr<Processor> processor)
      : processor(std::move(processor)) {}
  Status synchronize() const override;

  std::shared_ptr<Processor> processor;
  Mark mark;                        ///< The last; under the processor's lock.
  std::shared_ptr<Capture> capture; ///< That it was recorded in; null: none.
};

class EmulatedStream final : public device::Stream {
public:
  explicit EmulatedStream(std::shared_ptr<Processor> processor);
  ~EmulatedStream() override;

  std::string_view kind() const override { return "cuda"; }
  Expected<std::unique_ptr<device::Event>> createEvent() override;
  Status record(device::Event &event) override;
  Status wait(const device::Event &event) override;
  Status synchronize() override;
  Expected<bool> done() override;
  Expected<std::unique_ptr<device::Stopwatch>>
  createStopwatch(size_t laps) override;

  bool captures() const override { return true; }
  Status beginCapture() override;
  Expected<std::unique_ptr<device::Graph>> endCapture() override;

  /// Keeps work for later.
  Status give(Work work);
  /// Fails while captured: `what` cannot be in a graph.
  Status checkIsNotCaptured(const char *what);

  const std::shared_ptr<Processor> processor;

private:
  class CapturedGraph;

  Status give(Item item);
  /// Where what it is given goes.
  Queue &target();

  Queue queue;
  std::shared_ptr<Capture> capture; ///< Null: none.
};

inline EmulatedStream &emulated(device::Stream &stream) {
  return static_cast<EmulatedStream &>(stream);
}

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_EMULATEDSTREAM_H
