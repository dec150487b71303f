//===- CapturingDevice.h - A device that captures ---------------*- C++ -*-===//
//
// The cpu's, whose streams can keep what they are given and run it later, as a
// GPU's graphs do: a stream that waits for an event of one that is captured is
// captured with it, until that one ends, which must have come past all of it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_CAPTURINGDEVICE_H
#define FABRIC_TEST_UNIT_RUNTIME_CAPTURINGDEVICE_H

#include "HandmadePlan.h"

#include "runtime/Device/Device.h"

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace fabric::test {

using Work = std::function<Status()>;

/// What happened to the streams of a device.
struct Counts {
  std::atomic<int> captures = 0, launches = 0;
  std::atomic<int> workOutsideGraphs = 0; ///< Kernels and products.
  std::atomic<int> unfinishedCaptures = 0;
  int brokenLaunch = -1; ///< The number of a launch that is to fail, from 1.
};

class KeptGraph final : public device::Graph {
public:
  KeptGraph(std::vector<Work> work, Counts &counts)
      : work(std::move(work)), counts(counts) {}
  Status launch(device::Stream &) override {
    if (++counts.launches == counts.brokenLaunch)
      return Status::error("the device is lost");
    for (const Work &one : work)
      FABRIC_RETURN_IF_ERROR(one());
    return Status::success();
  }

private:
  std::vector<Work> work;
  Counts &counts;
};

class CapturingStream;

/// One, from its begin to its end, of one or more streams.
struct Capture {
  std::mutex mutex;
  std::vector<Work> work; ///< In the order in which it was given.
  /// How much each stream has given.
  std::map<const CapturingStream *, int> given;
  std::atomic<bool> open = true;
};

/// Where a stream was, and what it had seen of others in its capture.
class CapturingEvent final : public device::Event {
public:
  Status synchronize() const override { return Status::success(); }

private:
  friend class CapturingStream;
  mutable std::mutex mutex; ///< Another thread's stream may be waiting.
  std::shared_ptr<Capture> capture;
  std::map<const CapturingStream *, int> seen;
};

class CapturingStream final : public device::Stream {
public:
  CapturingStream(std::unique_ptr<device::Stream> real, std::string_view name,
                  Counts &counts)
      : real(std::move(real)), name(name), counts(counts) {}
  std::string_view kind() const override { return name; }
  Expected<std::unique_ptr<device::Event>> createEvent() override {
    return std::unique_ptr<device::Event>(std::make_unique<CapturingEvent>());
  }
  Status record(device::Event &event) override {
    auto &mark = static_cast<CapturingEvent &>(event);
    std::lock_guard lock(mark.mutex);
    mark.capture = isCapturing() ? capture : nullptr;
    mark.seen = seen;
    return Status::success();
  }
  Status wait(const device::Event &event) override {
    const auto &mark = static_cast<const CapturingEvent &>(event);
    std::lock_guard lock(mark.mutex);
    if (mark.capture && !mark.capture->open)
      return Status::error("the event is of a capture that has ended");
    if (isCapturing() && mark.capture != capture)
      return Status::error("a captured stream waits for one that is not");
    if (!mark.capture)
      return Status::success();
    if (!isCapturing())
      enter(mark.capture);
    for (auto [stream, count] : mark.seen)
      seen[stream] = std::max(seen[stream], count);
    return Status::success();
  }
  Status synchronize() override {
    return isCapturing() ? Status::error("a capture cannot wait")
                         : real->synchronize();
  }
  Expected<bool> done() override { return real->done(); }
  Expected<std::unique_ptr<device::Stopwatch>>
  createStopwatch(size_t laps) override {
    return real->createStopwatch(laps);
  }

  bool captures() const override { return true; }
  Status beginCapture() override {
    enter(std::make_shared<Capture>());
    ++counts.captures;
    ++counts.unfinishedCaptures;
    return Status::success();
  }
  Expected<std::unique_ptr<device::Graph>> endCapture() override {
    std::shared_ptr<Capture> ended = std::move(capture);
    ended->open = false;
    --counts.unfinishedCaptures;
    std::lock_guard lock(ended->mutex);
    for (auto [stream, count] : ended->given)
      if (seen[stream] != count)
        return Status::error("what a stream was given is not joined");
    return std::unique_ptr<device::Graph>(
        std::make_unique<KeptGraph>(std::move(ended->work), counts));
  }

  Status give(Work work) {
    if (!isCapturing()) {
      ++counts.workOutsideGraphs;
      return work();
    }
    std::lock_guard lock(capture->mutex);
    capture->work.push_back(std::move(work));
    seen[this] = ++capture->given[this];
    return Status::success();
  }
  bool isCapturing() const { return capture && capture->open; }

private:
  void enter(std::shared_ptr<Capture> entered) {
    capture = std::move(entered);
    seen.clear();
  }

  std::unique_ptr<device::Stream> real;
  const std::string_view name;
  Counts &counts;
  std::shared_ptr<Capture> capture;
  /// How much it comes after of what each stream has given.
  std::map<const CapturingStream *, int> seen;
};

inline CapturingStream &capturing(device::Stream &stream) {
  return static_cast<CapturingStream &>(stream);
}

class CapturingKernel final : public device::Kernel {
public:
  explicit CapturingKernel(std::unique_ptr<device::Kernel> real)
      : real(std::move(real)) {}
  Status launch(device::Stream &stream, void *const *buffers) const override {
    return capturing(stream).give(
        [this, &stream, buffers] { return real->launch(stream, buffers); });
  }

private:
  std::unique_ptr<device::Kernel> real;
};

class CapturingModule final : public device::Module {
public:
  explicit CapturingModule(std::shared_ptr<device::Module> real)
      : real(std::move(real)) {}
  Expected<std::unique_ptr<device::Kernel>>
  find(const std::string &symbol, int64_t numBuffers,
       const std::optional<plan::Grid> &grid) const override {
    FABRIC_ASSIGN_OR_RETURN(auto kernel, real->find(symbol, numBuffers, grid));
    return std::unique_ptr<device::Kernel>(
        std::make_unique<CapturingKernel>(std::move(kernel)));
  }

private:
  std::shared_ptr<device::Module> real;
};

class CapturingGemm final : public kernels::Gemm {
public:
  CapturingGemm(std::unique_ptr<kernels::Gemm> real, CapturingStream &stream,
                bool fails, int64_t scratch)
      : real(std::move(real)), stream(stream), fails(fails),
        wanted(std::max(scratch, this->real->scratchBytes())) {}
  int64_t scratchBytes() const override { return wanted; }
  Status run(const void *a, const void *b, const void *bias, void *c,
             void *scratch) override {
    // All of it is there.
    if (wanted > 0)
      std::memset(scratch, 0xff, static_cast<size_t>(wanted));
    if (fails && stream.isCapturing())
      return Status::error("no product while a stream is captured");
    return stream.give([=, this] { return real->run(a, b, bias, c, scratch); });
  }

private:
  std::unique_ptr<kernels::Gemm> real;
  CapturingStream &stream;
  const bool fails;
  const int64_t wanted;
};

class CapturingDevice final : public device::Device {
public:
  /// `streams` is what they say that they are.
  explicit CapturingDevice(std::string streams = "cpu")
      : streams(std::move(streams)) {}
  std::string_view kind() const override { return real->kind(); }
  Status check(const plan::Target &target) const override {
    return real->check(target);
  }
  bool hostAccessible() const override { return true; }
  Expected<std::unique_ptr<device::Memory>> allocate(int64_t bytes,
                                                     int64_t align) override {
    return real->allocate(bytes, align);
  }
  Expected<std::unique_ptr<device::Memory>>
  allocateHost(int64_t bytes) override {
    return real->allocateHost(bytes);
  }
  Expected<std::unique_ptr<device::Stream>> createStream() override {
    FABRIC_ASSIGN_OR_RETURN(auto stream, real->createStream());
    return std::unique_ptr<device::Stream>(
        std::make_unique<CapturingStream>(std::move(stream), streams, counts));
  }
  /// The host's bytes are another's when a graph is run again.
  Status copyFromHost(device::Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    if (capturing(stream).isCapturing())
      return Status::error("a capture cannot keep the host's bytes");
    return real->copyFromHost(stream, target, source, bytes);
  }
  Status copyToHost(device::Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    return copyFromHost(stream, target, source, bytes);
  }
  Status copy(device::Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return capturing(stream).give([=, this, &stream] {
      return real->copy(stream, target, source, bytes);
    });
  }
  Expected<std::shared_ptr<device::Module>>
  load(std::span<const std::byte> code) override {
    FABRIC_ASSIGN_OR_RETURN(auto module, real->load(code));
    return std::shared_ptr<device::Module>(
        std::make_shared<CapturingModule>(std::move(module)));
  }
  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, device::Stream &stream) override {
    FABRIC_ASSIGN_OR_RETURN(auto gemm, real->createGemm(desc, stream));
    return std::unique_ptr<kernels::Gemm>(std::make_unique<CapturingGemm>(
        std::move(gemm), capturing(stream),
        gemmsFail || numGemms++ == failingGemm, gemmScratch));
  }

  Counts counts;
  bool gemmsFail = false;
  int failingGemm = -1; ///< The one that fails, by the order of their making.
  int64_t gemmScratch = 0; ///< At least so much for every product.

private:
  const std::string streams;
  std::shared_ptr<device::Device> real = device::createCpuDevice();
  std::atomic<int> numGemms = 0;
};

/// Descends sum(y^2), y = x w^T, on one rank; the loss comes out by a copy.
inline HandmadePlan makeAlonePlan(const std::string &kernels) {
  HandmadePlan made({{"dp", 1}, {"tp", 1}});
  made.plan.mode = plan::Mode::Train;
  made.code(kernels);
  plan::Initializer init{plan::Initializer::Kind::Normal, 0.0, 0.5};
  auto x = made.input("x", plan::DType::F64, {4, 4}, {{{}, {}}});
  auto w = made.parameter("w", plan::DType::F64, {4, 4}, {{{}, {}}}, init);
  auto y = made.buffer(plan::DType::F64, {4, 4}),
       loss = made.buffer(plan::DType::F64, {});
  auto gy = made.buffer(plan::DType::F64, {4, 4});
  auto gw = made.buffer(plan::DType::F64, {4, 4}),
       out = made.buffer(plan::DType::F64, {});
  auto lr = made.scalar("lr", plan::DType::F64, 0.01);
  auto step = made.scalar("step", plan::DType::F64, 0);
  made.gemm(x, false, w, true, y);
  made.launch("square_loss16", {y, loss, gy}, {loss, gy});
  made.gemm(gy, true, x, false, gw);
  made.launch("descend8", {w, gw, lr, step}, {w});
  made.add(plan::Copy{loss, out});
  made.output("loss", out, {}, {}, true);
  return made;
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_CAPTURINGDEVICE_H
