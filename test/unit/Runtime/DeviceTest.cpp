//===- DeviceTest.cpp - What every device must do -------------------------===//

#include "runtime/Device/Device.h"
#include "runtime/Device/CpuFeatures.h"
#include "runtime/Support/File.h"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace fabric;
using namespace fabric::device;

namespace {

std::shared_ptr<Module> loadFile(Device &device, const char *path) {
  auto bytes = readFile(path);
  EXPECT_TRUE(bytes.ok());
  auto module = device.load(*bytes);
  EXPECT_TRUE(module.ok()) << module.message();
  return *module;
}

TEST(Device, MemoryIsAlignedZeroAndCopied) {
  auto device = createCpuDevice();
  for (int64_t bytes : {int64_t(0), int64_t(1), int64_t(100), int64_t(5) << 20})
    for (int64_t alignment : {1, 64, 4096, 1 << 16}) {
      auto memory = device->allocate(bytes, alignment);
      ASSERT_TRUE(memory.ok()) << memory.message();
      EXPECT_EQ((*memory)->bytes(), bytes);
      ASSERT_NE((*memory)->data(), nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>((*memory)->data()) % alignment, 0u);
      std::vector<char> host(bytes, 1), back(bytes, 2);
      ASSERT_TRUE(
          device->copyToHost(back.data(), (*memory)->data(), bytes).ok());
      EXPECT_EQ(back, std::vector<char>(bytes, 0));
      ASSERT_TRUE(
          device->copyFromHost((*memory)->data(), host.data(), bytes).ok());
      ASSERT_TRUE(
          device->copyToHost(back.data(), (*memory)->data(), bytes).ok());
      EXPECT_EQ(back, host);
    }
}

TEST(Device, MemoryThatIsNotThere) {
  auto memory = createCpuDevice()->allocate(int64_t(1) << 60, 64);
  ASSERT_TRUE(memory.failed());
  EXPECT_NE(memory.message().find("cannot allocate 1152921504606846976 bytes"),
            std::string::npos);
}

// Systems that overcommit would map it, and end the process when it is used.
TEST(Device, MoreThanTheMachineHas) {
  int64_t tenTerabytes = 10'000'000'000'000;
  if (machineMemory() >= tenTerabytes)
    GTEST_SKIP() << "this machine has that";
  auto memory = createCpuDevice()->allocate(tenTerabytes, 64);
  ASSERT_TRUE(memory.failed());
  EXPECT_NE(memory.message().find(
                "cannot allocate 10000000000000 bytes: this machine has "),
            std::string::npos)
      << memory.message();
}

TEST(Device, KernelsRunOnTheirBuffers) {
  auto device = createCpuDevice();
  auto module = loadFile(*device, TEST_KERNELS);
  // Two modules at once keep apart, though both have a mul8.
  auto other = loadFile(*device, TEST_KERNELS_OTHER);
  auto kernel = module->find("mul8"), otherKernel = other->find("mul8");
  ASSERT_TRUE(kernel.ok() && otherKernel.ok());
  module.reset();
  float a[8], b[8], y[8];
  for (int i = 0; i < 8; ++i) {
    a[i] = static_cast<float>(i);
    b[i] = static_cast<float>(i + 1);
  }
  void *buffers[] = {a, b, y};
  ASSERT_TRUE((*kernel)->launch(buffers).ok());
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(y[i], static_cast<float>(i * (i + 1)));
  ASSERT_TRUE((*otherKernel)->launch(buffers).ok());
  EXPECT_EQ(y[3], 42.0f);
}

TEST(Device, CodeThatIsNone) {
  auto device = createCpuDevice();
  auto module = loadFile(*device, TEST_KERNELS);
  EXPECT_EQ(module->find("nowhere").message(),
            "section 'code' has no kernel 'nowhere'");
  std::vector<std::byte> junk(100);
  auto loaded = device->load(junk);
  ASSERT_TRUE(loaded.failed());
  EXPECT_TRUE(loaded.message().starts_with("section 'code' cannot be loaded: "))
      << loaded.message();
  EXPECT_EQ(loaded.message().find("/proc"), std::string::npos);
  EXPECT_TRUE(device->load({}).failed());
}

TEST(Device, TargetsOfOtherMachinesAreRefused) {
  plan::Target target;
  target.kind = "cuda";
  EXPECT_NE(createDevice(target).message().find("the plan is for cuda"),
            std::string::npos);
  target.kind = "cpu";
  EXPECT_TRUE(createDevice(target).ok());
  target.features = {"warp-drive", "sse2", "cloak"};
  auto device = createDevice(target);
  ASSERT_TRUE(device.failed());
  EXPECT_NE(device.message().find("lacks: warp-drive, cloak ("),
            std::string::npos)
      << device.message();
}

#if defined(__x86_64__)
// The table against the compiler's own, where both know a feature.
TEST(CpuFeatures, AgreeWithTheCompiler) {
#define EXPECT_SAME(name)                                                      \
  EXPECT_EQ(checkCpuFeatures({name}).ok(), __builtin_cpu_supports(name) != 0)  \
      << name
  EXPECT_SAME("popcnt");
  EXPECT_SAME("sse4.2");
  EXPECT_SAME("avx");
  EXPECT_SAME("avx2");
  EXPECT_SAME("fma");
  EXPECT_SAME("bmi");
  EXPECT_SAME("bmi2");
  EXPECT_SAME("avx512f");
  EXPECT_SAME("avx512bw");
  EXPECT_SAME("avx512vl");
  EXPECT_SAME("avx512dq");
  EXPECT_SAME("avx512cd");
  EXPECT_SAME("avx512vbmi");
  EXPECT_SAME("avx512vnni");
  EXPECT_SAME("avx512bf16");
  EXPECT_SAME("gfni");
  EXPECT_SAME("sse4a");
#undef EXPECT_SAME
}
#endif

} // namespace
