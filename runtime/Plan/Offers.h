//===- Offers.h - What a target's libraries can do --------------*- C++ -*-===//
//
// Kernels are generated for whatever a plan asks of them; products, reductions
// over ranks and launches are made by libraries and drivers, and have limits.
// One table says them: the compiler refuses by it at the model's line, the
// plan's verifier in every plan, the runtime when it prepares a product.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_OFFERS_H
#define FABRIC_RUNTIME_PLAN_OFFERS_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <span>
#include <string_view>

namespace fabric::plan {

/// A product that a library makes. A bias has the type of c.
struct OfferedProduct {
  DType input;      ///< Of a and b.
  DType output;     ///< Of c.
  int64_t mostSize; ///< Of batch, m, n, k, and between stored rows.
};

/// Sources of one reduction on a GPU: their addresses are a kernel's parameter.
inline constexpr int64_t mostCudaSources = 256;

struct Offers {
  std::span<const OfferedProduct> products;
  bool tf32 = false;          ///< Products of f32 may be rounded to TF32.
  int64_t mostReduced = 0;    ///< Ranks of one reduction.
  int64_t mostKernelArgs = 0; ///< Buffers of one launch.
};

/// Of "cpu" or "cuda"; of any other target, nothing.
Offers offersOf(std::string_view target);

/// A product, as far as libraries differ on it.
struct ProductFacts {
  DType input = DType::F32, output = DType::F32;
  std::optional<DType> bias;
  bool tf32 = false;
  int64_t largest = 0; ///< Size; see OfferedProduct.
};

/// Fails where no library of the target makes it, and says which are made.
Status checkProduct(std::string_view target, const ProductFacts &product);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_OFFERS_H
