//===- CublasLtSearch.h - The fastest algorithm, by the clock ---*- C++ -*-===//

#ifndef FABRIC_RUNTIME_KERNELS_CUBLASLTSEARCH_H
#define FABRIC_RUNTIME_KERNELS_CUBLASLTSEARCH_H

#include "runtime/Kernels/CublasLtProduct.h"
#include "runtime/Kernels/GemmChoices.h"

namespace fabric::kernels {

/// Times what the library offers for the product on these operands, which it
/// overwrites; `scratch` has plan::productScratchBytes.
Expected<GemmChoice> searchCublasLt(const GemmDesc &desc,
                                    CublasLtProduct &product,
                                    const GemmOperands &operands,
                                    cudaStream_t stream);

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_CUBLASLTSEARCH_H
