//===- CpuFeatures.h - What this processor can do ---------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_DEVICE_CPUFEATURES_H
#define FABRIC_RUNTIME_DEVICE_CPUFEATURES_H

#include "runtime/Support/Status.h"

#include <string>
#include <vector>

namespace fabric::device {

/// Fails, naming them, where this machine (processor and operating system)
/// lacks one of `features`, by LLVM's names: "avx2", "fma", "avx512f". A name
/// that is not known here counts as lacking.
Status checkCpuFeatures(const std::vector<std::string> &features);

} // namespace fabric::device

#endif // FABRIC_RUNTIME_DEVICE_CPUFEATURES_H
