//===- EmulatedDevice.h - A GPU on the host ---------------------*- C++ -*-===//
//
// In a program that is linked with this, createCudaDevice() and
// numCudaDevices() give it in place of NVIDIA's, and ranks of --comm=local
// share it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_EMULATEDDEVICE_H
#define FABRIC_TEST_GPU_EMULATOR_EMULATEDDEVICE_H

#include "runtime/Kernels/Gemm.h"
#include "test/gpu/emulator/EmulatedStream.h"

namespace fabric::emulator {

/// In plain loops and f64, rounded once.
Expected<std::unique_ptr<kernels::Gemm>>
createEmulatedGemm(const kernels::GemmDesc &desc, EmulatedStream &stream);

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_EMULATEDDEVICE_H
