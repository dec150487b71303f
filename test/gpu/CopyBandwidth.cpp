//===- CopyBandwidth.cpp - How fast a GPU copies its own memory -----------===//
//
// Prints {"bytes_per_second": n}: bytes read and bytes written, of the median
// of copies that are much larger than any cache.
//
//===----------------------------------------------------------------------===//

#include "runtime/Device/Device.h"

#include <algorithm>
#include <cstdio>
#include <vector>

using namespace fabric;

static Expected<double> measure() {
  constexpr int64_t bytes = int64_t(1) << 30;
  constexpr size_t copies = 21;
  FABRIC_ASSIGN_OR_RETURN(auto device, device::createCudaDevice(0));
  FABRIC_ASSIGN_OR_RETURN(auto stream, device->createStream());
  FABRIC_ASSIGN_OR_RETURN(auto from, device->allocate(bytes, 256));
  FABRIC_ASSIGN_OR_RETURN(auto to, device->allocate(bytes, 256));
  FABRIC_ASSIGN_OR_RETURN(auto watch, stream->createStopwatch(copies + 1));
  FABRIC_RETURN_IF_ERROR(watch->start());
  for (size_t i = 0; i <= copies; ++i) {
    FABRIC_RETURN_IF_ERROR(
        device->copy(*stream, to->data(), from->data(), bytes));
    FABRIC_RETURN_IF_ERROR(watch->mark(i));
  }
  FABRIC_RETURN_IF_ERROR(stream->synchronize());
  std::vector<double> seconds;
  for (size_t i = 0; i < copies; ++i) {
    FABRIC_ASSIGN_OR_RETURN(int64_t begin, watch->at(i));
    FABRIC_ASSIGN_OR_RETURN(int64_t end, watch->at(i + 1));
    seconds.push_back(1e-9 * static_cast<double>(end - begin));
  }
  std::nth_element(seconds.begin(), seconds.begin() + copies / 2,
                   seconds.end());
  return 2.0 * static_cast<double>(bytes) / seconds[copies / 2];
}

int main() {
  auto rate = measure();
  if (rate.failed()) {
    std::fprintf(stderr, "copy-bandwidth: error: %s\n", rate.message().c_str());
    return 1;
  }
  std::printf("{\"bytes_per_second\": %.6g}\n", *rate);
  return 0;
}
