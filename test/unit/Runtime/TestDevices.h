//===- TestDevices.h - The devices that the suites run on -------*- C++ -*-===//
//
// A suite runs once for each device kind; without a GPU, or without CUDA in the
// build, its cuda half is skipped with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_TESTDEVICES_H
#define FABRIC_TEST_UNIT_RUNTIME_TESTDEVICES_H

#include "runtime/Device/Device.h"

#include <gtest/gtest.h>

namespace fabric::test {

/// The machine's GPU (TestGpu.cpp), or what stands in for one (FakeGpu.cpp).
Expected<std::shared_ptr<device::Device>> createTestGpu();

/// A fixture whose parameter is the kind of `device`.
class OnEveryDevice : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "cuda") {
      auto created = createTestGpu();
      if (created.failed())
        GTEST_SKIP() << created.message();
      device = *created;
    } else {
      device = device::createCpuDevice();
    }
    auto created = device->createStream();
    ASSERT_TRUE(created.ok()) << created.message();
    stream = std::move(*created);
  }

  bool onCuda() const { return device->kind() == "cuda"; }

  /// Device memory that holds `bytes` of `host`.
  std::unique_ptr<device::Memory> upload(const void *host, int64_t bytes) {
    auto memory = device->allocate(bytes, 256);
    EXPECT_TRUE(memory.ok()) << memory.message();
    Status copied =
        device->copyFromHost(*stream, (*memory)->data(), host, bytes);
    EXPECT_TRUE(copied.ok()) << copied.message();
    return std::move(*memory);
  }

  void download(void *host, const device::Memory &memory, int64_t bytes) {
    Status copied = device->copyToHost(*stream, host, memory.data(), bytes);
    EXPECT_TRUE(copied.ok()) << copied.message();
  }

  std::shared_ptr<device::Device> device;
  std::unique_ptr<device::Stream> stream;
};

} // namespace fabric::test

#define FABRIC_ON_EVERY_DEVICE(suite)                                          \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      , suite, testing::Values("cpu", "cuda"),                                 \
      [](const auto &info) { return std::string(info.param); })

#endif // FABRIC_TEST_UNIT_RUNTIME_TESTDEVICES_H
