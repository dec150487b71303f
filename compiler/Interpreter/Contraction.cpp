//===- Contraction.cpp - Matrix products, interpreted ---------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

/// Offsets into `tensor` of all indices of some of its dims.
static std::vector<int64_t> offsetsOf(const Tensor &tensor,
                                      ArrayRef<int64_t> dims) {
  SmallVector<int64_t> allStrides = rowMajorStrides(tensor.shape);
  SmallVector<int64_t> sizes, strides;
  for (int64_t dim : dims) {
    sizes.push_back(tensor.shape[dim]);
    strides.push_back(allStrides[dim]);
  }
  return gridOffsets(sizes, strides);
}

static SmallVector<int64_t> remainingDims(const Tensor &tensor,
                                          ArrayRef<int64_t> batch,
                                          ArrayRef<int64_t> summed) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < tensor.getRank(); ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(summed, dim))
      dims.push_back(dim);
  return dims;
}

/// result[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, j, k], each index
/// standing for a list of dims.
static void multiply(const Tensor &lhs, const Tensor &rhs,
                     ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                     ArrayRef<int64_t> lhsSummed, ArrayRef<int64_t> rhsSummed,
                     Tensor &result) {
  auto lhsB = offsetsOf(lhs, lhsBatch), rhsB = offsetsOf(rhs, rhsBatch);
  auto lhsI = offsetsOf(lhs, remainingDims(lhs, lhsBatch, lhsSummed));
  auto rhsJ = offsetsOf(rhs, remainingDims(rhs, rhsBatch, rhsSummed));
  auto lhsK = offsetsOf(lhs, lhsSummed), rhsK = offsetsOf(rhs, rhsSummed);
  size_t next = 0;
  for (size_t b = 0; b < lhsB.size(); ++b)
    for (int64_t i : lhsI)
      for (int64_t j : rhsJ) {
        const double *row = lhs.floats.data() + lhsB[b] + i;
        const double *column = rhs.floats.data() + rhsB[b] + j;
        double sum = 0.0;
        for (size_t k = 0; k < lhsK.size(); ++k)
          sum += row[lhsK[k]] * column[rhsK[k]];
        result.floats[next++] = sum;
      }
}

static LogicalResult linear(Operation *, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  multiply(*operands[0], *operands[1], {}, {}, {operands[0]->getRank() - 1},
           {1}, results[0]);
  return success();
}

static LogicalResult contract(Operation *op, ArrayRef<const Tensor *> operands,
                              MutableArrayRef<Tensor> results) {
  auto contract = cast<ContractOp>(op);
  multiply(*operands[0], *operands[1], contract.getLhsBatch(),
           contract.getRhsBatch(), contract.getLhsContract(),
           contract.getRhsContract(), results[0]);
  return success();
}

void mlir::fabric::interpreter::registerContraction(OpTable &table) {
  table.local[LinearOp::getOperationName()] = linear;
  table.local[ContractOp::getOperationName()] = contract;
}
