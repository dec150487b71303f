//===- NoOneDnn.cpp - In place of OneDnnGemm.cpp, without oneDNN ----------===//

#include "runtime/Kernels/GemmBackends.h"

namespace fabric::kernels {

Expected<std::unique_ptr<Gemm>> createOneDnnGemm(const GemmDesc &desc) {
  return Status::error("this build has no oneDNN, which products of ",
                       plan::toString(desc.input),
                       " need: install it and configure again");
}

void setOneDnnThreads(int) {}

} // namespace fabric::kernels
