//===- NoOpenBlas.cpp - In place of OpenBlasGemm.cpp, without OpenBLAS ----===//

#include "runtime/Kernels/GemmBackends.h"

namespace fabric::kernels {

Expected<std::unique_ptr<Gemm>> createOpenBlasGemm(const GemmDesc &) {
  return Status::error("this build has no OpenBLAS, which products of f64 "
                       "need: install it and configure again");
}

} // namespace fabric::kernels
