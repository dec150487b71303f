//===- CudaCode.h - PTX, loaded ---------------------------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_DEVICE_CUDACODE_H
#define FABRIC_RUNTIME_DEVICE_CUDACODE_H

#include "runtime/Device/Device.h"

namespace fabric::device {

/// For GPU `ordinal`, which is current.
Expected<std::shared_ptr<Module>> loadCudaCode(std::span<const std::byte> code,
                                               int ordinal);

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_CUDACODE_H
