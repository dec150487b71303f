//===- NoCuda.cpp - In place of CudaDevice.cpp, without the toolkit -------===//

#include "runtime/Device/Device.h"

namespace fabric::device {

Expected<std::shared_ptr<Device>> createCudaDevice(int) {
  return Status::error("the plan is for cuda and this build has no CUDA: "
                       "install the toolkit and configure again, or compile "
                       "with --target=cpu");
}

int numCudaDevices() { return 0; }

} // namespace fabric::device
