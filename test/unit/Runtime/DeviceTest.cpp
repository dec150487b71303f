//===- DeviceTest.cpp - What is of one device only ------------------------===//

#include "runtime/Device/Device.h"
#include "runtime/Device/CpuFeatures.h"
#include "runtime/Device/CudaTarget.h"
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

TEST(Device, ModulesWithTheSameSymbolsKeepApart) {
  auto device = createCpuDevice();
  auto stream = device->createStream();
  auto module = loadFile(*device, TEST_KERNELS);
  auto other = loadFile(*device, TEST_KERNELS_OTHER);
  auto kernel = module->find("mul8", 3, std::nullopt),
       otherKernel = other->find("mul8", 3, std::nullopt);
  ASSERT_TRUE(stream.ok() && kernel.ok() && otherKernel.ok());
  float a[8] = {0, 1, 2, 3}, b[8] = {1, 2, 3, 4}, y[8];
  void *buffers[] = {a, b, y};
  ASSERT_TRUE((*kernel)->launch(**stream, buffers).ok());
  EXPECT_EQ(y[3], 12.0f);
  ASSERT_TRUE((*otherKernel)->launch(**stream, buffers).ok());
  EXPECT_EQ(y[3], 42.0f);
}

TEST(Device, TargetsOfOtherMachinesAreRefused) {
  plan::Target target;
  EXPECT_EQ(createCpuDevice()->check({"cuda", "sm_90", {}}).message(),
            "the plan is for cuda, not for the cpu");
  EXPECT_TRUE(createDevice(target).ok());
  target.features = {"warp-drive", "sse2", "cloak"};
  auto device = createDevice(target);
  ASSERT_TRUE(device.failed());
  EXPECT_NE(device.message().find("lacks: warp-drive, cloak ("),
            std::string::npos)
      << device.message();
}

TEST(CudaTarget, WhatAMachineLacks) {
  EXPECT_TRUE(checkCudaMachine({13010, 13000, 2}, 1).ok());
  // A driver serves all of its major version.
  EXPECT_TRUE(checkCudaMachine({13000, 13010, 1}, 0).ok());
  EXPECT_EQ(checkCudaMachine({0, 13000, 0}, 0).message(),
            "this machine has no NVIDIA driver (libcuda.so.1), which plans for "
            "cuda need");
  EXPECT_EQ(checkCudaMachine({12080, 13000, 0}, 0).message(),
            "this machine's NVIDIA driver serves CUDA 12.8 and this build "
            "needs 13.0: install a newer driver");
  EXPECT_TRUE(checkCudaMachine({13000, 13000, 0}, 0).failed());
  EXPECT_EQ(checkCudaMachine({13000, 13000, 2}, 2).message(),
            "expected GPU 2, found 2 of them");
}

TEST(CudaTarget, WhichGpusRunWhichPlans) {
  CudaCapability hopper{"NVIDIA H100", 9, 0};
  auto check = [&](const char *arch) {
    return checkCudaTarget({"cuda", arch, {}}, hopper);
  };
  for (const char *arch : {"sm_75", "sm_80", "sm_90", "sm_90a", "sm_90f"})
    EXPECT_TRUE(check(arch).ok()) << arch;
  for (const char *arch : {"sm_80a", "sm_80f", "sm_100", "sm_100a"})
    EXPECT_TRUE(check(arch).failed()) << arch;
  EXPECT_EQ(check("sm_100").message(),
            "the plan is for sm_100 and NVIDIA H100 is sm_90: compile with "
            "--target=cuda:sm_90");
  for (const char *arch :
       {"", "sm_", "sm_9", "90", "sm_90b", "sm_90aa", "sm_999999999999"})
    EXPECT_EQ(check(arch).message(),
              std::string("target, expected an arch like sm_90, found '") +
                  arch + "'");
  EXPECT_TRUE(checkCudaTarget({"cpu", "", {}}, hopper).failed());
}

// With a GPU the conformance suite runs; without, one line says why not.
TEST(Device, CudaThatIsNotThere) {
  if (numCudaDevices() > 0)
    GTEST_SKIP() << "this machine has a GPU";
  auto device = createDevice({"cuda", "sm_90", {}});
  ASSERT_TRUE(device.failed());
  EXPECT_EQ(device.message().find('\n'), std::string::npos);
  EXPECT_NE(device.message().find(" for cuda"), std::string::npos)
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
