//===- CublasLtProduct.h - A product as cuBLASLt sees it --------*- C++ -*-===//
//
// cuBLASLt counts in columns: a row-major matrix is, to it, the transposed one.
// So c = op(a) op(b) is asked for as c^T = op(b)^T op(a)^T, on the plan's own
// bytes, and the bias, which is added to the rows of c, to the columns of c^T.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_CUBLASLTPRODUCT_H
#define FABRIC_RUNTIME_KERNELS_CUBLASLTPRODUCT_H

#include "runtime/Kernels/CublasLt.h"
#include "runtime/Kernels/CudaGemm.h"

#include <memory>
#include <vector>

namespace fabric::kernels {

/// A product without an algorithm. Used by one thread at a time.
class CublasLtProduct {
public:
  using Algorithm = cublasLtMatmulHeuristicResult_t;

  static Expected<std::unique_ptr<CublasLtProduct>>
  create(std::shared_ptr<const CublasLtContext> context, const GemmDesc &desc);

  /// At most `most` that the library can use, the one that it would take first.
  /// They add what blocks share in a fixed order, and in the type that they
  /// compute in.
  Expected<std::vector<Algorithm>> algorithms(int most) const;

  /// What the library says of an algorithm that a file holds.
  Expected<Algorithm> check(const cublasLtMatmulAlgo_t &algorithm) const;

  Status run(const Algorithm &algorithm, const GemmOperands &operands,
             cudaStream_t stream);

private:
  using Layout = Owned<cublasLtMatrixLayout_t>;

  CublasLtProduct(std::shared_ptr<const CublasLtContext> context,
                  const GemmDesc &desc)
      : context(std::move(context)), lt(this->context->lt), desc(desc) {}

  template <typename T>
  Status set(cublasLtMatmulDescAttributes_t attribute, const T &value) {
    return lt.check(lt.cublasLtMatmulDescSetAttribute(product.get(), attribute,
                                                      &value, sizeof(value)),
                    "cublasLtMatmulDescSetAttribute");
  }
  Status describeProduct();
  Expected<Layout> describe(DType dtype, int64_t rows, int64_t columns,
                            const MatrixLayout &matrix) const;

  std::shared_ptr<const CublasLtContext> context;
  const CublasLt &lt;
  const GemmDesc desc;
  Owned<cublasLtMatmulDesc_t> product;
  Layout a, b, c;
};

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_CUBLASLTPRODUCT_H
