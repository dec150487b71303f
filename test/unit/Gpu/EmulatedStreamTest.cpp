//===- EmulatedStreamTest.cpp - What events order, and nothing else -------===//

#include "../Runtime/StatusMatchers.h"

#include "runtime/Device/Device.h"

#include <cstring>
#include <set>

using namespace fabric;
using namespace fabric::device;
using namespace fabric::test;

namespace {

/// Adds one to the element.
constexpr char ptx[] = R"(.version 7.0 .target sm_80 .address_size 64
.visible .entry add(.param .u64 a) {
  .reg .b32 %r; .reg .b64 %a;
  ld.param.u64 %a, [a];
  ld.global.b32 %r, [%a]; add.s32 %r, %r, 1; st.global.b32 [%a], %r;
  ret;
})";

class EmulatedStreams : public testing::Test {
protected:
  void SetUp() override {
    device = *createCudaDevice(0);
    first = std::move(*device->createStream());
    second = std::move(*device->createStream());
    element = std::move(*device->allocate(4, 4));
    other = std::move(*device->allocate(4, 4));
    module = *device->load(std::as_bytes(std::span(ptx, sizeof(ptx) - 1)));
    kernel = std::move(*module->find("add", 1, plan::Grid()));
  }

  Status set(Stream &stream, const Memory &memory, int32_t value) {
    return device->copyFromHost(stream, memory.data(), &value, 4);
  }
  Status add(Stream &stream, const Memory &memory) {
    void *address = memory.data();
    return kernel->launch(stream, &address);
  }
  int32_t read(Stream &stream, const Memory &memory) {
    int32_t value = -1;
    EXPECT_TRUE(
        succeeded(device->copyToHost(stream, &value, memory.data(), 4)));
    return value;
  }
  std::unique_ptr<Event> record(Stream &stream) {
    auto event = std::move(*stream.createEvent());
    EXPECT_TRUE(succeeded(stream.record(*event)));
    return event;
  }

  std::shared_ptr<Device> device;
  std::unique_ptr<Memory> element, other;
  std::unique_ptr<Stream> first, second;
  std::shared_ptr<Module> module;
  std::unique_ptr<Kernel> kernel;
};

TEST_F(EmulatedStreams, AreFreeWithoutEvents) {
  std::set<int32_t> seen;
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(succeeded(set(*first, *element, 5)));
    ASSERT_TRUE(succeeded(first->synchronize()));
    ASSERT_TRUE(succeeded(add(*first, *element)));
    ASSERT_TRUE(succeeded(set(*second, *element, 0)));
    ASSERT_TRUE(succeeded(first->synchronize()));
    ASSERT_TRUE(succeeded(second->synchronize()));
    seen.insert(read(*first, *element));
  }
  EXPECT_EQ(seen, (std::set<int32_t>{0, 1}));
}

TEST_F(EmulatedStreams, FollowEvents) {
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(succeeded(set(*first, *element, 5)));
    ASSERT_TRUE(succeeded(add(*first, *element)));
    auto event = record(*first);
    ASSERT_TRUE(succeeded(add(*first, *other)));
    ASSERT_TRUE(succeeded(second->wait(*event)));
    ASSERT_TRUE(
        succeeded(device->copy(*second, other->data(), element->data(), 4)));
    ASSERT_TRUE(succeeded(event->synchronize()));
    ASSERT_TRUE(succeeded(second->synchronize()));
    ASSERT_TRUE(succeeded(first->synchronize()));
    // The addition to the other element is before or after the copy.
    int32_t value = read(*first, *other);
    EXPECT_TRUE(value == 6 || value == 7) << value;
  }
}

TEST_F(EmulatedStreams, RunWhenTheyAreWaitedFor) {
  ASSERT_TRUE(succeeded(set(*second, *element, 5)));
  ASSERT_TRUE(succeeded(second->synchronize()));
  ASSERT_TRUE(succeeded(add(*first, *element)));
  // Nobody has waited for it.
  EXPECT_EQ(read(*first, *element), 6);
  auto done = first->done();
  ASSERT_TRUE(succeeded(done));
  EXPECT_TRUE(*done);
}

TEST_F(EmulatedStreams, ReadPinnedMemoryLate) {
  auto pinned = std::move(*device->allocateHost(4));
  auto write = [&](int32_t value) { std::memcpy(pinned->data(), &value, 4); };
  write(1);
  ASSERT_TRUE(succeeded(
      device->copyFromHost(*first, element->data(), pinned->data(), 4)));
  write(2);
  EXPECT_EQ(read(*first, *element), 2);
}

TEST_F(EmulatedStreams, ReplayWhatWasCaptured) {
  ASSERT_TRUE(succeeded(set(*first, *element, 0)));
  ASSERT_TRUE(succeeded(first->beginCapture()));
  ASSERT_TRUE(succeeded(add(*first, *element)));
  auto fork = record(*first);
  ASSERT_TRUE(succeeded(second->wait(*fork)));
  ASSERT_TRUE(
      succeeded(device->copy(*second, other->data(), element->data(), 4)));
  ASSERT_TRUE(succeeded(add(*second, *other)));
  auto join = record(*second);
  ASSERT_TRUE(succeeded(first->wait(*join)));
  EXPECT_TRUE(failedWith(first->synchronize(), "a capture cannot hold"));
  auto graph = first->endCapture();
  ASSERT_TRUE(succeeded(graph));
  EXPECT_EQ(read(*second, *element), 0);
  for (int32_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(succeeded((*graph)->launch(*first)));
    ASSERT_TRUE(succeeded(first->synchronize()));
    EXPECT_EQ(read(*first, *element), round);
    EXPECT_EQ(read(*first, *other), round + 1);
  }
}

TEST_F(EmulatedStreams, CapturesComeBack) {
  auto before = record(*second);
  ASSERT_TRUE(succeeded(first->beginCapture()));
  EXPECT_TRUE(failedWith(first->wait(*before), "work outside of it"));
  EXPECT_TRUE(failedWith(set(*first, *element, 1),
                         "a capture cannot hold bytes of the host"));
  auto fork = record(*first);
  ASSERT_TRUE(succeeded(second->wait(*fork)));
  ASSERT_TRUE(succeeded(add(*second, *element)));
  EXPECT_TRUE(failedWith(first->endCapture(), "does not come back"));
  EXPECT_TRUE(failedWith(first->endCapture(), "has begun no capture"));
}

/// As ranks that share a device: the third comes back to the second.
TEST_F(EmulatedStreams, ComeBackOverEachOther) {
  auto third = std::move(*device->createStream());
  ASSERT_TRUE(succeeded(set(*first, *element, 0)));
  ASSERT_TRUE(succeeded(first->beginCapture()));
  auto fork = record(*first);
  ASSERT_TRUE(succeeded(second->wait(*fork)));
  ASSERT_TRUE(succeeded(add(*second, *element)));
  auto inner = record(*second);
  ASSERT_TRUE(succeeded(third->wait(*inner)));
  ASSERT_TRUE(succeeded(add(*third, *element)));
  auto back = record(*third);
  ASSERT_TRUE(succeeded(second->wait(*back)));
  ASSERT_TRUE(succeeded(add(*second, *element)));
  auto join = record(*second);
  ASSERT_TRUE(succeeded(first->wait(*join)));
  auto graph = first->endCapture();
  ASSERT_TRUE(succeeded(graph));
  for (int32_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(succeeded((*graph)->launch(*first)));
    EXPECT_EQ(read(*first, *element), 3 * round);
  }
  // What has ended is joined no more.
  EXPECT_TRUE(failedWith(third->wait(*inner), "nor such work for it"));
}

TEST_F(EmulatedStreams, StayBrokenAfterAFault) {
  std::byte *nowhere = element->data() + 4;
  void *address = nowhere;
  ASSERT_TRUE(succeeded(kernel->launch(*first, &address)));
  EXPECT_TRUE(failedWith(first->synchronize(),
                         "kernel 'add': block 0,0,0, thread 0,0,0, line 5 "));
  EXPECT_TRUE(failedWith(second->synchronize(), "outside of every allocation"));
  EXPECT_TRUE(failedWith(add(*second, *element), "outside of every"));
}

TEST_F(EmulatedStreams, ReachOnlyWhatIsAllocated) {
  int32_t value = 0;
  EXPECT_TRUE(
      failedWith(device->copyToHost(*first, &value, element->data() + 1, 4),
                 "4 bytes at 0x"));
}

TEST(EmulatedGpu, IsOne) {
  EXPECT_EQ(numCudaDevices(), 1);
  EXPECT_TRUE(failedWith(createCudaDevice(1), "expected GPU 1, found 1"));
  auto device = *createCudaDevice(0);
  EXPECT_TRUE(succeeded(device->check({"cuda", "sm_80", {}})));
  EXPECT_TRUE(device->check({"cuda", "sm_90a", {}}).failed());
  EXPECT_TRUE(device->check({"cpu", "", {}}).failed());
}

} // namespace
