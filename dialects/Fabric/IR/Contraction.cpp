//===- Contraction.cpp - Matrix products ----------------------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::fabric;

static SmallVector<int64_t> freeDims(ArrayRef<int64_t> batch,
                                     ArrayRef<int64_t> contract, int64_t rank) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim))
      dims.push_back(dim);
  return dims;
}

SmallVector<int64_t> ContractionDims::getLhsFree(int64_t rank) const {
  return freeDims(lhsBatch, lhsContract, rank);
}

SmallVector<int64_t> ContractionDims::getRhsFree(int64_t rank) const {
  return freeDims(rhsBatch, rhsContract, rank);
}

//===----------------------------------------------------------------------===//
// The loop nest: batch, free dims of lhs, free dims of rhs, summed dims
//===----------------------------------------------------------------------===//

namespace {
struct ContractionLoops {
  SmallVector<utils::IteratorType> iterators;
  SmallVector<AffineMap> maps;

  ContractionLoops(MLIRContext *context, const ContractionDims &dims,
                   int64_t lhsRank, int64_t rhsRank) {
    SmallVector<int64_t> lhs(lhsRank), rhs(rhsRank), result;
    int64_t loop = 0;
    for (auto [l, r] : llvm::zip_equal(dims.lhsBatch, dims.rhsBatch)) {
      result.push_back(loop);
      lhs[l] = rhs[r] = loop++;
    }
    for (int64_t dim : dims.getLhsFree(lhsRank)) {
      result.push_back(loop);
      lhs[dim] = loop++;
    }
    for (int64_t dim : dims.getRhsFree(rhsRank)) {
      result.push_back(loop);
      rhs[dim] = loop++;
    }
    iterators = parallelLoops(loop);
    for (auto [l, r] : llvm::zip_equal(dims.lhsContract, dims.rhsContract)) {
      lhs[l] = rhs[r] = loop++;
      iterators.push_back(utils::IteratorType::reduction);
    }
    maps = {projection(context, loop, lhs), projection(context, loop, rhs),
            projection(context, loop, result)};
  }
};
} // namespace

static ContractionLoops getLoops(ContractionOpInterface op) {
  return ContractionLoops(op->getContext(), op.getContractionDims(),
                          tensorType(op->getOperand(0)).getRank(),
                          tensorType(op->getOperand(1)).getRank());
}

#define CONTRACTION_OP(Op)                                                     \
  SmallVector<utils::IteratorType> Op::getLoopIterators() {                    \
    return getLoops(*this).iterators;                                          \
  }                                                                            \
  SmallVector<AffineMap> Op::getLoopMaps() { return getLoops(*this).maps; }    \
  dist::ShardingRule Op::getShardingRule() {                                   \
    return getStructuredRule(*this, {{0}, {1}});                               \
  }                                                                            \
  SmallVector<Value> Op::buildBody(OpBuilder &b, Location loc,                 \
                                   ValueRange args) {                          \
    return {arith::MulFOp::create(b, loc, args[0], args[1])};                  \
  }                                                                            \
  int64_t Op::getFlops() { return getContractionFlops(); }                     \
  int64_t Op::getContractionFlops() {                                          \
    int64_t flops = 2;                                                         \
    for (int64_t size : getLoopSizes(*this))                                   \
      flops *= size;                                                           \
    return flops;                                                              \
  }

CONTRACTION_OP(LinearOp)
CONTRACTION_OP(ContractOp)

#undef CONTRACTION_OP

/// The result may also be what sums are accumulated in.
static LogicalResult verifyElementTypes(Operation *op) {
  Type lhs = tensorType(op->getOperand(0)).getElementType();
  Type rhs = tensorType(op->getOperand(1)).getElementType();
  if (lhs != rhs)
    return op->emitOpError() << "expects operands of one element type, found "
                             << op->getOperand(0).getType() << " and "
                             << op->getOperand(1).getType();
  Type result = tensorType(op->getResult(0)).getElementType();
  if (result != lhs && result != getComputeType(lhs))
    return op->emitOpError()
           << "expects a result of " << lhs << " or " << getComputeType(lhs)
           << ", found " << op->getResult(0).getType();
  return success();
}

/// In the operands' type, that of products with them.
static Value castLike(OpBuilder &b, Location loc, Value cotangent, Value like) {
  RankedTensorType type = tensorType(cotangent);
  return b.createOrFold<CastOp>(
      loc, type.clone(type.getShape(), tensorType(like).getElementType()),
      cotangent);
}

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

ContractionDims LinearOp::getContractionDims() {
  ContractionDims dims;
  dims.lhsContract = {tensorType(getInput()).getRank() - 1};
  dims.rhsContract = {1};
  return dims;
}

LogicalResult LinearOp::verify() {
  RankedTensorType x = tensorType(getInput()), w = tensorType(getWeight()),
                   y = tensorType(getResult());
  if (x.getRank() < 1 || w.getRank() != 2)
    return emitOpError() << "expects an input of rank 1 or more and a weight "
                            "of rank 2, found "
                         << x << " and " << w;
  if (failed(verifyElementTypes(*this)))
    return failure();
  if (x.getShape().back() != w.getDimSize(1))
    return emitOpError() << "expects the input's last dim to be the weight's "
                            "dim 1, found "
                         << x.getShape().back() << " and " << w.getDimSize(1);
  SmallVector<int64_t> expected(x.getShape());
  expected.back() = w.getDimSize(0);
  if (y.getShape() != ArrayRef<int64_t>(expected))
    return emitOpError() << "expects a result of type "
                         << RankedTensorType::get(expected, x.getElementType())
                         << ", found " << y;
  return success();
}

/// dx = dy W, dW = sum over the leading dims of dy^T x.
LogicalResult LinearOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                 ArrayRef<bool> needed,
                                 MutableArrayRef<Value> gradients) {
  Value dy = castLike(b, getLoc(), cotangents[0], getInput());
  int64_t leading = tensorType(getInput()).getRank() - 1;
  ArrayRef<int64_t> none;
  if (needed[0])
    gradients[0] = ContractOp::create(b, getLoc(), getInput().getType(), dy,
                                      getWeight(), none, none, {leading}, {0});
  if (needed[1]) {
    auto dims = llvm::to_vector(llvm::seq<int64_t>(0, leading));
    gradients[1] = ContractOp::create(b, getLoc(), getWeight().getType(), dy,
                                      getInput(), none, none, dims, dims);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ContractOp
//===----------------------------------------------------------------------===//

ContractionDims ContractOp::getContractionDims() {
  ContractionDims dims;
  dims.lhsBatch = llvm::to_vector(getLhsBatch());
  dims.rhsBatch = llvm::to_vector(getRhsBatch());
  dims.lhsContract = llvm::to_vector(getLhsContract());
  dims.rhsContract = llvm::to_vector(getRhsContract());
  return dims;
}

LogicalResult ContractOp::verify() {
  RankedTensorType lhs = tensorType(getLhs()), rhs = tensorType(getRhs());
  if (getLhsBatch().size() != getRhsBatch().size() ||
      getLhsContract().size() != getRhsContract().size())
    return emitOpError() << "expects paired lists of dims of one length, found "
                         << "batch " << getLhsBatch().size() << " x "
                         << getRhsBatch().size() << " and contract "
                         << getLhsContract().size() << " x "
                         << getRhsContract().size();
  SmallVector<int64_t> lhsDims(getLhsBatch()), rhsDims(getRhsBatch());
  llvm::append_range(lhsDims, getLhsContract());
  llvm::append_range(rhsDims, getRhsContract());
  if (failed(verifyDims(*this, "the first operand", lhsDims, lhs.getRank())) ||
      failed(verifyDims(*this, "the second operand", rhsDims, rhs.getRank())))
    return failure();
  for (auto [l, r] : llvm::zip_equal(lhsDims, rhsDims))
    if (lhs.getDimSize(l) != rhs.getDimSize(r))
      return emitOpError() << "pairs dim " << l << " of size "
                           << lhs.getDimSize(l) << " with dim " << r
                           << " of size " << rhs.getDimSize(r);
  if (failed(verifyElementTypes(*this)))
    return failure();
  ContractionDims dims = getContractionDims();
  SmallVector<int64_t> expected;
  for (int64_t dim : dims.lhsBatch)
    expected.push_back(lhs.getDimSize(dim));
  for (int64_t dim : dims.getLhsFree(lhs.getRank()))
    expected.push_back(lhs.getDimSize(dim));
  for (int64_t dim : dims.getRhsFree(rhs.getRank()))
    expected.push_back(rhs.getDimSize(dim));
  if (tensorType(getResult()).getShape() != ArrayRef<int64_t>(expected))
    return emitOpError() << "expects a result of type "
                         << RankedTensorType::get(expected,
                                                  lhs.getElementType())
                         << ", found " << getResult().getType();
  return success();
}

/// The gradient of one operand: dy and the other operand, summed over the dims
/// that the other has alone, then its dims put back in the operand's order.
static Value buildContractGradient(
    OpBuilder &b, Location loc, Value dy, Value operand, Value other,
    ArrayRef<int64_t> operandBatch, ArrayRef<int64_t> otherBatch,
    ArrayRef<int64_t> operandContract, ArrayRef<int64_t> otherContract,
    ArrayRef<int64_t> operandFree, ArrayRef<int64_t> otherFree,
    bool operandIsLhs) {
  // dy has the dims [batch, free of lhs, free of rhs].
  int64_t numBatch = operandBatch.size();
  int64_t otherBegin = numBatch + (operandIsLhs ? operandFree.size() : 0);
  auto dyBatch = llvm::to_vector(llvm::seq<int64_t>(0, numBatch));
  auto dySummed = llvm::to_vector(llvm::seq<int64_t>(
      otherBegin, otherBegin + static_cast<int64_t>(otherFree.size())));

  // The product has the dims [batch, free of operand, contracted], the last in
  // the order in which `other` has them.
  SmallVector<int64_t> order(operandBatch);
  llvm::append_range(order, operandFree);
  SmallVector<int64_t> pairs = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(otherContract.size())));
  llvm::sort(pairs, [&](int64_t a, int64_t c) {
    return otherContract[a] < otherContract[c];
  });
  for (int64_t pair : pairs)
    order.push_back(operandContract[pair]);

  auto type = cast<RankedTensorType>(operand.getType());
  SmallVector<int64_t> shape;
  for (int64_t dim : order)
    shape.push_back(type.getDimSize(dim));
  Value product = ContractOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), dy, other,
      dyBatch, otherBatch, dySummed, otherFree);
  if (isStrictlyAscending(order))
    return product;
  SmallVector<int64_t> permutation(order.size());
  for (auto [position, dim] : llvm::enumerate(order))
    permutation[dim] = position;
  return TransposeOp::create(b, loc, type, product, permutation);
}

LogicalResult ContractOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                   ArrayRef<bool> needed,
                                   MutableArrayRef<Value> gradients) {
  ContractionDims dims = getContractionDims();
  auto lhsFree = dims.getLhsFree(tensorType(getLhs()).getRank());
  auto rhsFree = dims.getRhsFree(tensorType(getRhs()).getRank());
  Value dy = castLike(b, getLoc(), cotangents[0], getLhs());
  if (needed[0])
    gradients[0] = buildContractGradient(
        b, getLoc(), dy, getLhs(), getRhs(), dims.lhsBatch, dims.rhsBatch,
        dims.lhsContract, dims.rhsContract, lhsFree, rhsFree,
        /*operandIsLhs=*/true);
  if (needed[1])
    gradients[1] = buildContractGradient(
        b, getLoc(), dy, getRhs(), getLhs(), dims.rhsBatch, dims.lhsBatch,
        dims.rhsContract, dims.lhsContract, rhsFree, lhsFree,
        /*operandIsLhs=*/false);
  return success();
}
