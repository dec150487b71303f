//===- CudaMachineTest.cpp - Machines that lack something -----------------===//
//
// With a driver of the test's own in place of NVIDIA's (FakeCudaDriver.c). The
// CUDA runtime asks once a process: every case is one.
//
//===----------------------------------------------------------------------===//

#include "runtime/Device/Device.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

using namespace fabric;

namespace {

/// The message of createCudaDevice() on a machine of such a driver.
std::string messageWith(const std::map<std::string, std::string> &settings) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  if (child == 0) {
    for (const auto &[name, value] : settings)
      ::setenv(name.c_str(), value.c_str(), 1);
    auto device = device::createCudaDevice(0);
    std::string text = device.ok() ? "there is a GPU" : device.message();
    text += "; GPUs: " + std::to_string(device::numCudaDevices());
    ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char some[256];
  for (ssize_t count; (count = ::read(ends[0], some, sizeof(some))) > 0;)
    text.append(some, static_cast<size_t>(count));
  ::close(ends[0]);
  int state = 0;
  ::waitpid(child, &state, 0);
  EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
  return text;
}

TEST(CudaMachine, DriversThatAreTooOld) {
  EXPECT_EQ(messageWith({{"FAKE_CUDA_VERSION", "12040"}}),
            "this machine's NVIDIA driver serves CUDA 12.4 and this build "
            "needs " +
                std::to_string(CUDART_VERSION / 1000) + "." +
                std::to_string(CUDART_VERSION % 1000 / 10) +
                ": install a newer driver; GPUs: 0");
}

TEST(CudaMachine, NoDriver) {
  EXPECT_EQ(messageWith({{"FAKE_CUDA_VERSION", "0"}}),
            "this machine has no NVIDIA driver (libcuda.so.1), which plans for "
            "cuda need; GPUs: 0");
}

TEST(CudaMachine, DriversWithoutAGpu) {
  // CUDA_ERROR_NO_DEVICE
  EXPECT_EQ(messageWith({{"FAKE_CUDA_INIT", "100"}}),
            "this machine has an NVIDIA driver and no GPU that it shows to "
            "this process; GPUs: 0");
}

} // namespace
