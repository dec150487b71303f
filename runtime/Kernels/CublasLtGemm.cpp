//===- CublasLtGemm.cpp - Products on cuBLASLt ----------------------------===//
//
// The algorithm is the first one of the library's heuristic, which looks at the
// layout only, never at the clock, or the one of a file that a search has made.
// Sums that are split over blocks are added in a fixed order and in the type
// that they are computed in; TF32 is used only where the plan says so.
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/CublasLtProduct.h"
#include "runtime/Kernels/CublasLtSearch.h"
#include "runtime/Kernels/CudaGemm.h"

#include <algorithm>
#include <cstring>

namespace fabric::kernels {
namespace {

Status check(const GemmDesc &desc) {
  FABRIC_RETURN_IF_ERROR(checkGemm(desc));
  FABRIC_RETURN_IF_ERROR(checkOffered(desc, "cuda"));
  if (std::min({desc.batch, desc.m, desc.n, desc.k}) == 0)
    return Status::error("a product of ", describe(desc), " is empty");
  return Status::success();
}

class CublasLtGemm final : public Gemm {
public:
  CublasLtGemm(std::unique_ptr<CublasLtProduct> product,
               const CublasLtProduct::Algorithm &algorithm,
               device::Stream &stream)
      : product(std::move(product)), algorithm(algorithm),
        stream(static_cast<cudaStream_t>(stream.native())) {}

  int64_t scratchBytes() const override {
    return static_cast<int64_t>(algorithm.workspaceSize);
  }

  Status run(const void *a, const void *b, const void *bias, void *c,
             void *scratch) override {
    return product->run(algorithm, {a, b, bias, c, scratch}, stream);
  }

private:
  std::unique_ptr<CublasLtProduct> product;
  const CublasLtProduct::Algorithm algorithm;
  cudaStream_t stream;
};

class CublasLtGemms final : public CudaGemms {
public:
  explicit CublasLtGemms(std::shared_ptr<const CublasLtContext> context)
      : context(std::move(context)) {}

  std::string library() const override {
    return "cuBLASLt " + std::to_string(context->lt.cublasLtGetVersion());
  }

  void use(std::shared_ptr<const GemmChoices> choices) override {
    chosen = std::move(choices);
  }

  Expected<std::unique_ptr<Gemm>> create(const GemmDesc &desc,
                                         device::Stream &stream) override {
    FABRIC_RETURN_IF_ERROR(check(desc));
    FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<CublasLtProduct> product,
                            CublasLtProduct::create(context, desc));
    FABRIC_ASSIGN_OR_RETURN(CublasLtProduct::Algorithm algorithm,
                            choose(*product, desc));
    return std::unique_ptr<Gemm>(
        std::make_unique<CublasLtGemm>(std::move(product), algorithm, stream));
  }

  Expected<GemmChoice> search(const GemmDesc &desc,
                              const GemmOperands &operands,
                              device::Stream &stream) override {
    FABRIC_RETURN_IF_ERROR(check(desc));
    FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<CublasLtProduct> product,
                            CublasLtProduct::create(context, desc));
    return searchCublasLt(desc, *product, operands,
                          static_cast<cudaStream_t>(stream.native()));
  }

private:
  Expected<CublasLtProduct::Algorithm> choose(const CublasLtProduct &product,
                                              const GemmDesc &desc) const {
    if (!chosen) {
      FABRIC_ASSIGN_OR_RETURN(auto algorithms, product.algorithms(1));
      return algorithms.front();
    }
    FABRIC_ASSIGN_OR_RETURN(const GemmChoice *choice, chosen->find(desc));
    cublasLtMatmulAlgo_t algorithm;
    if (choice->algorithm.size() != sizeof(algorithm))
      return Status::error("the file's algorithm for a product of ",
                           describe(desc), " has ", choice->algorithm.size(),
                           " bytes, expected ", sizeof(algorithm));
    std::memcpy(&algorithm, choice->algorithm.data(), sizeof(algorithm));
    return product.check(algorithm);
  }

  std::shared_ptr<const CublasLtContext> context;
  std::shared_ptr<const GemmChoices> chosen;
};

} // namespace

Expected<std::shared_ptr<CudaGemms>> createCudaGemms() {
  auto context = std::make_shared<CublasLtContext>();
  FABRIC_RETURN_IF_ERROR(context->lt.load());
  cublasLtHandle_t raw = nullptr;
  FABRIC_RETURN_IF_ERROR(
      context->lt.check(context->lt.cublasLtCreate(&raw), "cublasLtCreate"));
  context->handle = {raw, context->lt.cublasLtDestroy};
  return std::shared_ptr<CudaGemms>(std::make_shared<CublasLtGemms>(context));
}

} // namespace fabric::kernels
