//===- Offers.cpp - What a target's libraries can do ----------------------===//

#include "runtime/Plan/Offers.h"

#include <algorithm>
#include <limits>

namespace fabric::plan {
namespace {

constexpr int64_t anySize = std::numeric_limits<int64_t>::max();
/// What OpenBLAS and cuBLASLt count.
constexpr int64_t intSize = std::numeric_limits<int32_t>::max();

constexpr OfferedProduct cpuProducts[] = {
    {DType::F32, DType::F32, anySize},   // oneDNN
    {DType::BF16, DType::BF16, anySize}, // oneDNN
    {DType::BF16, DType::F32, anySize},  // oneDNN
    {DType::F64, DType::F64, intSize},   // OpenBLAS
};

// All cuBLASLt's, sums in f32 but of f64.
constexpr OfferedProduct cudaProducts[] = {
    {DType::F32, DType::F32, intSize},  {DType::BF16, DType::BF16, intSize},
    {DType::BF16, DType::F32, intSize}, {DType::F16, DType::F16, intSize},
    {DType::F16, DType::F32, intSize},  {DType::F64, DType::F64, intSize},
};

std::string describe(DType input, DType output) {
  return std::string(toString(input)) + " x " + std::string(toString(input)) +
         " -> " + std::string(toString(output));
}

} // namespace

Offers offersOf(std::string_view target) {
  // A launch has 4 KiB of parameters, which every driver takes.
  if (target == "cuda")
    return {cudaProducts, /*tf32=*/true, mostCudaSources,
            /*mostKernelArgs=*/512};
  if (target == "cpu")
    return {cpuProducts, /*tf32=*/false, anySize, anySize};
  return {};
}

Status checkProduct(std::string_view target, const ProductFacts &product) {
  Offers offers = offersOf(target);
  auto same = [&](const OfferedProduct &offered) {
    return offered.input == product.input && offered.output == product.output;
  };
  auto found =
      std::find_if(offers.products.begin(), offers.products.end(), same);
  if (found == offers.products.end()) {
    std::string all;
    for (const OfferedProduct &offered : offers.products)
      all +=
          (all.empty() ? "" : ", ") + describe(offered.input, offered.output);
    return Status::error("no product of ",
                         describe(product.input, product.output), " on ",
                         target, ", expected one of ", all);
  }
  if (product.bias.value_or(product.output) != product.output)
    return Status::error(
        "no product of ", describe(product.input, product.output),
        " with a bias of ", toString(*product.bias), " on ", target);
  if (product.tf32 && (!offers.tf32 || product.input != DType::F32))
    return Status::error("expected TF32 for products of f32 on cuda, found it "
                         "for ",
                         toString(product.input), " on ", target);
  if (product.largest > found->mostSize)
    return Status::error("product of ", describe(product.input, product.output),
                         " on ", target, ", expected sizes of at most ",
                         found->mostSize, ", found ", product.largest);
  return Status::success();
}

} // namespace fabric::plan
