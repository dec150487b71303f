//===- DeviceConformance.cpp - What every device must do ------------------===//

#include "TestDevices.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/File.h"

#include <cstring>
#include <vector>

using namespace fabric;
using namespace fabric::device;

namespace {

class DeviceConformance : public test::OnEveryDevice {
protected:
  /// y[i] = a[i] * b[i] for eight floats, as the device's code section has it.
  std::shared_ptr<Module> loadMul8();
  const plan::Grid oneBlock = {{1, 1, 1}, {8, 1, 1}, 0};
};

constexpr char mul8Ptx[] = R"(
.version 7.0
.target sm_75
.address_size 64
.visible .entry mul8(.param .u64 a, .param .u64 b, .param .u64 y)
{
  .reg .b32 %i;
  .reg .f32 %u, %v;
  .reg .b64 %a, %b, %y, %offset;
  ld.param.u64 %a, [a];
  ld.param.u64 %b, [b];
  ld.param.u64 %y, [y];
  mov.u32 %i, %tid.x;
  mul.wide.u32 %offset, %i, 4;
  add.u64 %a, %a, %offset;
  add.u64 %b, %b, %offset;
  add.u64 %y, %y, %offset;
  ld.global.f32 %u, [%a];
  ld.global.f32 %v, [%b];
  mul.rn.f32 %u, %u, %v;
  st.global.f32 [%y], %u;
  ret;
}
)";

std::shared_ptr<Module> DeviceConformance::loadMul8() {
  auto load = [&](std::span<const std::byte> code) -> std::shared_ptr<Module> {
    auto module = device->load(code);
    EXPECT_TRUE(module.ok()) << module.message();
    return module.ok() ? *module : nullptr;
  };
  if (onCuda())
    return load(std::as_bytes(std::span(mul8Ptx, sizeof(mul8Ptx) - 1)));
  auto bytes = readFile(TEST_KERNELS);
  EXPECT_TRUE(bytes.ok());
  return load(*bytes);
}

TEST_P(DeviceConformance, MemoryIsAlignedZeroAndCopied) {
  for (int64_t bytes : {int64_t(0), int64_t(1), int64_t(100), int64_t(5) << 20})
    for (int64_t alignment : {1, 64, 4096, 1 << 16}) {
      auto memory = device->allocate(bytes, alignment);
      ASSERT_TRUE(memory.ok()) << memory.message();
      EXPECT_EQ((*memory)->bytes(), bytes);
      ASSERT_NE((*memory)->data(), nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>((*memory)->data()) % alignment, 0u);
      std::vector<char> host(bytes, 1), back(bytes, 2);
      download(back.data(), **memory, bytes);
      EXPECT_EQ(back, std::vector<char>(bytes, 0));
      std::unique_ptr<Memory> other = upload(host.data(), bytes);
      ASSERT_TRUE(
          device->copy(*stream, (*memory)->data(), other->data(), bytes).ok());
      download(back.data(), **memory, bytes);
      EXPECT_EQ(back, host);
    }
}

TEST_P(DeviceConformance, MemoryThatIsNotThere) {
  auto memory = device->allocate(int64_t(1) << 60, 64);
  ASSERT_TRUE(memory.failed());
  EXPECT_NE(memory.message().find("cannot allocate 1152921504606846976 bytes"),
            std::string::npos)
      << memory.message();
  // Nothing is left of it.
  EXPECT_TRUE(device->allocate(64, 64).ok());
}

TEST_P(DeviceConformance, KernelsRunOnTheirBuffers) {
  std::shared_ptr<Module> module = loadMul8();
  ASSERT_TRUE(module);
  auto kernel = module->find("mul8", 3, oneBlock);
  ASSERT_TRUE(kernel.ok()) << kernel.message();
  module.reset();
  std::vector<float> a(8), b(8), y(8);
  for (int i = 0; i < 8; ++i) {
    a[i] = static_cast<float>(i);
    b[i] = static_cast<float>(i + 1);
  }
  std::unique_ptr<Memory> onDevice[] = {
      upload(a.data(), 32), upload(b.data(), 32), upload(y.data(), 32)};
  void *buffers[] = {onDevice[0]->data(), onDevice[1]->data(),
                     onDevice[2]->data()};
  ASSERT_TRUE((*kernel)->launch(*stream, buffers).ok());
  download(y.data(), *onDevice[2], 32);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(y[i], static_cast<float>(i * (i + 1)));
}

TEST_P(DeviceConformance, StreamsFollowEachOther) {
  auto second = device->createStream();
  ASSERT_TRUE(second.ok());
  auto event = stream->createEvent();
  ASSERT_TRUE(event.ok());
  // An event that was never recorded holds nobody up.
  ASSERT_TRUE((*second)->wait(**event).ok());
  ASSERT_TRUE((*event)->synchronize().ok());
  constexpr int64_t bytes = 8 << 20;
  auto source = device->allocateHost(bytes);
  ASSERT_TRUE(source.ok()) << source.message();
  std::memset((*source)->data(), 7, bytes);
  auto a = device->allocate(bytes, 64), b = device->allocate(bytes, 64);
  ASSERT_TRUE(a.ok() && b.ok());
  ASSERT_TRUE(
      device->copyFromHost(*stream, (*a)->data(), (*source)->data(), bytes)
          .ok());
  ASSERT_TRUE(stream->record(**event).ok());
  ASSERT_TRUE((*second)->wait(**event).ok());
  ASSERT_TRUE(device->copy(**second, (*b)->data(), (*a)->data(), bytes).ok());
  ASSERT_TRUE((*second)->synchronize().ok());
  auto done = (*second)->done();
  ASSERT_TRUE(done.ok());
  EXPECT_TRUE(*done);
  ASSERT_TRUE((*event)->synchronize().ok());
  std::vector<char> back(bytes);
  download(back.data(), **b, bytes);
  EXPECT_EQ(back, std::vector<char>(bytes, 7));
}

TEST_P(DeviceConformance, StopwatchesTellWhenWorkRan) {
  auto made = stream->createStopwatch(3);
  ASSERT_TRUE(made.ok()) << made.message();
  Stopwatch &watch = **made;
  constexpr int64_t bytes = 64 << 20;
  auto a = device->allocate(bytes, 256), b = device->allocate(bytes, 256);
  ASSERT_TRUE(a.ok() && b.ok());
  for (int round = 0; round < 2; ++round) {
    int64_t before = steadyNanoseconds();
    ASSERT_TRUE(watch.start().ok());
    ASSERT_TRUE(watch.mark(0).ok());
    ASSERT_TRUE(device->copy(*stream, (*b)->data(), (*a)->data(), bytes).ok());
    ASSERT_TRUE(watch.mark(1).ok());
    ASSERT_TRUE(watch.mark(2).ok());
    ASSERT_TRUE(stream->synchronize().ok());
    int64_t after = steadyNanoseconds();
    std::vector<int64_t> laps;
    for (size_t lap = 0; lap < 3; ++lap) {
      auto time = watch.at(lap);
      ASSERT_TRUE(time.ok()) << time.message();
      laps.push_back(*time);
    }
    // A device's clock is set by one look at the host's.
    int64_t slack = onCuda() ? 100'000 : 0;
    EXPECT_GE(laps[0], before);
    EXPECT_GE(laps[2], laps[1]);
    EXPECT_LE(laps[2], after + slack);
    // No memory copies so much in less.
    EXPECT_GE(laps[1] - laps[0], 5'000);
  }
}

TEST_P(DeviceConformance, CodeThatIsNone) {
  std::shared_ptr<Module> module = loadMul8();
  ASSERT_TRUE(module);
  EXPECT_EQ(module->find("nowhere", 1, oneBlock).message(),
            "section 'code' has no kernel 'nowhere'");
  std::vector<std::byte> junk(100, std::byte{'x'});
  auto loaded = device->load(junk);
  ASSERT_TRUE(loaded.failed());
  EXPECT_TRUE(loaded.message().starts_with("section 'code' cannot be loaded: "))
      << loaded.message();
  EXPECT_EQ(loaded.message().find("/proc"), std::string::npos);
  EXPECT_EQ(loaded.message().find('\n'), std::string::npos);
  EXPECT_TRUE(device->load({}).failed());
}

TEST_P(DeviceConformance, KernelsThatAreNotWhatThePlanSays) {
  if (!onCuda())
    GTEST_SKIP() << "the cpu's kernels do not say what they take";
  std::shared_ptr<Module> module = loadMul8();
  ASSERT_TRUE(module);
  EXPECT_EQ(module->find("mul8", 2, oneBlock).message(),
            "kernel 'mul8': the launch has 2 buffers and the code has more "
            "parameters");
  EXPECT_EQ(module->find("mul8", 4, oneBlock).message(),
            "kernel 'mul8': the launch has 4 buffers and the code has fewer "
            "parameters");
  EXPECT_EQ(module->find("mul8", 3, std::nullopt).message(),
            "kernel 'mul8': expected a grid");
  plan::Grid greedy = oneBlock;
  greedy.sharedBytes = 1 << 20;
  EXPECT_TRUE(module->find("mul8", 3, greedy).failed());
}

FABRIC_ON_EVERY_DEVICE(DeviceConformance);

} // namespace
