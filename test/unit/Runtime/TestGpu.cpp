//===- TestGpu.cpp - The machine's GPU ------------------------------------===//

#include "TestDevices.h"

using namespace fabric;

Expected<std::shared_ptr<device::Device>> test::createTestGpu() {
  return device::createCudaDevice(0);
}
