//===- CommOnGpu.cpp - Where the suite's buffers are, on GPUs -------------===//

#include "CommOnGpu.h"

#include <gtest/gtest.h>

namespace fabric::test {
namespace {

// Tensors are made all over the suite, so they find the rank's place here.
const Place *&placeOfThread() {
  static thread_local const Place *place = nullptr;
  return place;
}

} // namespace

const Place *place() { return placeOfThread(); }

std::optional<std::string> whyNot() {
  auto device = device::createCudaDevice(0);
  if (device.ok())
    return std::nullopt;
  return device.message();
}

void onGpu(device::Device &device,
           const std::function<void(device::Stream &)> &body) {
  auto stream = device.createStream();
  ASSERT_TRUE(stream.ok()) << stream.message();
  Place place{device, **stream};
  placeOfThread() = &place;
  body(**stream);
  placeOfThread() = nullptr;
}

} // namespace fabric::test
