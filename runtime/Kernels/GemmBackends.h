//===- GemmBackends.h - One function a library ------------------*- C++ -*-===//
//
// Each is defined in the file that wraps its library, or in the file that
// stands in for it where the build does not have it. Sizes are at least 1, and
// dtypes and layouts have been checked.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_GEMMBACKENDS_H
#define FABRIC_RUNTIME_KERNELS_GEMMBACKENDS_H

#include "runtime/Kernels/Gemm.h"

namespace fabric::kernels {

/// f32, and bf16 with f32 or bf16 results.
Expected<std::unique_ptr<Gemm>> createOneDnnGemm(const GemmDesc &desc);
void setOneDnnThreads(int threads);

/// f64 on one thread.
Expected<std::unique_ptr<Gemm>> createOpenBlasGemm(const GemmDesc &desc);

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_GEMMBACKENDS_H
