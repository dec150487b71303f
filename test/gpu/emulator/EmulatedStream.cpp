//===- EmulatedStream.cpp - Streams of an emulated GPU --------------------===//

#include "test/gpu/emulator/EmulatedStream.h"
#include "runtime/Support/Clock.h"

#include <algorithm>
#include <map>

namespace fabric::emulator {

//===----------------------------------------------------------------------===//
// What runs
//===----------------------------------------------------------------------===//

Expected<bool> runAny(std::span<Queue *const> queues, std::mt19937 &random) {
  std::vector<Queue *> ready;
  bool isEmpty = true;
  for (Queue *queue : queues) {
    isEmpty &= queue->empty();
    if (!queue->empty() &&
        (!queue->front().waitsFor || *queue->front().waitsFor))
      ready.push_back(queue);
  }
  if (isEmpty)
    return false;
  if (ready.empty())
    return Status::error("every stream waits for another");
  Queue &queue = *ready[random() % ready.size()];
  Item item = std::move(queue.front());
  queue.pop_front();
  if (item.work)
    FABRIC_RETURN_IF_ERROR(item.work());
  if (item.marks)
    *item.marks = true;
  return true;
}

Status Processor::runUntil(const std::function<bool()> &isDone) {
  while (failure.ok() && !isDone()) {
    Expected<bool> ran = runAny(queues, random);
    if (ran.failed())
      failure = ran.status();
    else if (!*ran)
      failure = Status::error("a wait for what was never given");
  }
  if (failure.failed())
    for (Queue *queue : queues)
      queue->clear();
  return failure;
}

Status EmulatedEvent::synchronize() const {
  std::lock_guard lock(processor->mutex);
  if (!mark)
    return Status::success();
  return processor->runUntil([&] { return *mark; });
}

//===----------------------------------------------------------------------===//
// What is given
//===----------------------------------------------------------------------===//

EmulatedStream::EmulatedStream(std::shared_ptr<Processor> processor)
    : processor(std::move(processor)) {
  std::lock_guard lock(this->processor->mutex);
  this->processor->add(queue);
}

/// What is pending may still use memory that is freed next.
EmulatedStream::~EmulatedStream() {
  (void)synchronize();
  std::lock_guard lock(processor->mutex);
  processor->remove(queue);
}

Queue &EmulatedStream::target() {
  if (!capture)
    return queue;
  auto own = std::find(capture->streams.begin(), capture->streams.end(), this);
  return capture->queues[static_cast<size_t>(own - capture->streams.begin())];
}

Status EmulatedStream::give(Item item) {
  FABRIC_RETURN_IF_ERROR(processor->status());
  target().push_back(std::move(item));
  return Status::success();
}

Status EmulatedStream::give(Work work) {
  std::lock_guard lock(processor->mutex);
  return give(Item{std::move(work), nullptr, nullptr});
}

Status EmulatedStream::checkIsNotCaptured(const char *what) {
  std::lock_guard lock(processor->mutex);
  return capture ? Status::error("a capture cannot hold ", what)
                 : Status::success();
}

Expected<std::unique_ptr<device::Event>> EmulatedStream::createEvent() {
  return std::unique_ptr<device::Event>(
      std::make_unique<EmulatedEvent>(processor));
}

Status EmulatedStream::record(device::Event &event) {
  auto &recorded = static_cast<EmulatedEvent &>(event);
  std::lock_guard lock(processor->mutex);
  recorded.mark = std::make_shared<bool>(false);
  recorded.capture = capture;
  return give(Item{nullptr, nullptr, recorded.mark});
}

/// Waiting for work that is captured joins its capture.
Status EmulatedStream::wait(const device::Event &event) {
  const auto &recorded = static_cast<const EmulatedEvent &>(event);
  std::lock_guard lock(processor->mutex);
  if (!recorded.mark)
    return Status::success();
  if (recorded.capture != capture) {
    if (capture || recorded.capture->hasEnded)
      return Status::error("a capture cannot wait for work outside of it, nor "
                           "such work for it");
    capture = recorded.capture;
    capture->streams.push_back(this);
    capture->queues.emplace_back();
  }
  return give(Item{nullptr, recorded.mark, nullptr});
}

Status EmulatedStream::synchronize() {
  FABRIC_RETURN_IF_ERROR(checkIsNotCaptured("a wait of the host"));
  std::lock_guard lock(processor->mutex);
  return processor->runUntil([&] { return queue.empty(); });
}

Expected<bool> EmulatedStream::done() {
  std::lock_guard lock(processor->mutex);
  bool asked = false;
  FABRIC_RETURN_IF_ERROR(processor->runUntil(
      [&] { return queue.empty() || std::exchange(asked, true); }));
  return queue.empty();
}

namespace {

class EmulatedStopwatch final : public device::Stopwatch {
public:
  EmulatedStopwatch(EmulatedStream &stream, size_t laps)
      : stream(stream), times(std::make_shared<std::vector<int64_t>>(laps)) {}
  Status start() override { return stream.synchronize(); }
  Status mark(size_t lap) override {
    return stream.give([times = times, lap] {
      (*times)[lap] = steadyNanoseconds();
      return Status::success();
    });
  }
  Expected<int64_t> at(size_t lap) const override { return (*times)[lap]; }

private:
  EmulatedStream &stream;
  std::shared_ptr<std::vector<int64_t>> times;
};

} // namespace

Expected<std::unique_ptr<device::Stopwatch>>
EmulatedStream::createStopwatch(size_t laps) {
  return std::unique_ptr<device::Stopwatch>(
      std::make_unique<EmulatedStopwatch>(*this, laps));
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

/// Runs as one piece of work, whose streams are as free among themselves as
/// they were when they were captured.
class EmulatedStream::CapturedGraph final : public device::Graph {
public:
  explicit CapturedGraph(std::vector<Queue> queues)
      : queues(std::make_shared<const std::vector<Queue>>(std::move(queues))),
        random(std::make_shared<std::mt19937>()) {}

  Status launch(device::Stream &stream) override {
    return emulated(stream).give(
        [queues = queues, random = random] { return run(*queues, *random); });
  }

private:
  static Status run(const std::vector<Queue> &captured, std::mt19937 &random) {
    std::vector<Queue> queues = captured;
    std::map<Mark, Mark> fresh;
    auto refresh = [&](Mark &mark) {
      if (mark)
        mark = fresh.try_emplace(mark, std::make_shared<bool>(false))
                   .first->second;
    };
    std::vector<Queue *> all;
    for (Queue &queue : queues) {
      all.push_back(&queue);
      for (Item &item : queue) {
        refresh(item.waitsFor);
        refresh(item.marks);
      }
    }
    while (true) {
      FABRIC_ASSIGN_OR_RETURN(bool ran, runAny(all, random));
      if (!ran)
        return Status::success();
    }
  }

  std::shared_ptr<const std::vector<Queue>> queues;
  std::shared_ptr<std::mt19937> random;
};

Status EmulatedStream::beginCapture() {
  std::lock_guard lock(processor->mutex);
  if (capture)
    return Status::error("the stream is captured already");
  capture = std::make_shared<Capture>();
  capture->streams.push_back(this);
  capture->queues.emplace_back();
  return Status::success();
}

/// Whether every queue ends in a mark that another waits for, and so on, up to
/// the first.
static bool comeBack(const std::vector<Queue> &queues) {
  std::vector<bool> isJoined(queues.size());
  std::vector<size_t> joined = {0};
  isJoined[0] = true;
  while (!joined.empty()) {
    const Queue &queue = queues[joined.back()];
    joined.pop_back();
    for (size_t i = 0; i < queues.size(); ++i) {
      Mark last = queues[i].empty() ? nullptr : queues[i].back().marks;
      if (isJoined[i] || !last ||
          std::none_of(queue.begin(), queue.end(),
                       [&](const Item &item) { return item.waitsFor == last; }))
        continue;
      isJoined[i] = true;
      joined.push_back(i);
    }
  }
  return std::find(isJoined.begin(), isJoined.end(), false) == isJoined.end();
}

Expected<std::unique_ptr<device::Graph>> EmulatedStream::endCapture() {
  std::lock_guard lock(processor->mutex);
  if (!capture || capture->streams.front() != this)
    return Status::error("the stream has begun no capture");
  std::shared_ptr<Capture> ended = capture;
  ended->hasEnded = true;
  for (EmulatedStream *stream : ended->streams)
    stream->capture = nullptr;
  if (!comeBack(ended->queues))
    return Status::error("a captured stream does not come back to the first");
  return std::unique_ptr<device::Graph>(
      std::make_unique<CapturedGraph>(std::move(ended->queues)));
}

} // namespace fabric::emulator
