//===- CudaTarget.h - Which GPU runs which plan -----------------*- C++ -*-===//
//
// Needs no CUDA, so that it is tested everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_DEVICE_CUDATARGET_H
#define FABRIC_RUNTIME_DEVICE_CUDATARGET_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

namespace fabric::device {

/// What the machine says of itself. Versions are 1000 * major + 10 * minor.
struct CudaMachine {
  int driverVersion = 0;  ///< The newest CUDA that it serves; 0: no driver.
  int runtimeVersion = 0; ///< What this build was made with.
  int numDevices = 0;
};

/// Whether device `ordinal` can be used at all.
Status checkCudaMachine(const CudaMachine &machine, int ordinal);

struct CudaCapability {
  std::string name; ///< "NVIDIA H100"
  int major = 0, minor = 0;
};

/// Whether the device runs code for the target: PTX for "sm_90" runs on it and
/// on everything newer, for "sm_90a" on nothing else.
Status checkCudaTarget(const plan::Target &target,
                       const CudaCapability &device);

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_CUDATARGET_H
