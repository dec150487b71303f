//===- LowerContractions.cpp - Matrix products to gemms -------------------===//
//
// A contraction pairs dims of two row-major tensors. Its dims fall into batch,
// rows and columns of each operand; an operand is a batch of matrices without a
// copy where each of these groups is one index with one stride, and rows or
// columns are contiguous. In which order the contracted dims are merged is
// free, as long as both operands agree, so a few orders are tried. An operand
// that fits none is transposed first, with a remark.
//
// Then adds are taken back into the products: of a vector repeated over rows
// (a bias), and of a value that the product may be added onto in place.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/Lowering/Passes.h"
#include "passes/Lowering/Structure.h"

using namespace mlir;
using fabric::ContractionDims;
using fabric::ContractionOpInterface;
using fabric::StructuredOpInterface;

namespace mlir::lowering {
#define GEN_PASS_DEF_LOWERCONTRACTIONSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// Dims of a tensor as one index.
struct Index {
  int64_t size = 1;
  int64_t stride = 0; ///< Of no meaning where size is 1.
};

/// An operand as a batch of matrices of rows x columns.
struct Matrices {
  Index batch, rows, columns;
  exec::MatrixAttr matrix;
};

/// The dims of an operand by what they are in the product.
struct OperandDims {
  SmallVector<int64_t> batch, rows, columns;
};

} // namespace

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The dims, major first, as one index; none where they have no one stride.
static std::optional<Index> mergeDims(RankedTensorType type,
                                      ArrayRef<int64_t> dims) {
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (int64_t dim = type.getRank() - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * type.getDimSize(dim + 1);
  Index index;
  for (int64_t dim : llvm::reverse(dims)) {
    int64_t size = type.getDimSize(dim);
    if (size == 1)
      continue;
    if (index.size == 1)
      index.stride = strides[dim];
    else if (strides[dim] != index.size * index.stride)
      return std::nullopt;
    index.size *= size;
  }
  return index;
}

/// The operand as matrices without a copy; none where that is impossible.
static std::optional<Matrices> viewAsMatrices(RankedTensorType type,
                                              const OperandDims &dims) {
  std::optional<Index> batch = mergeDims(type, dims.batch),
                       rows = mergeDims(type, dims.rows),
                       columns = mergeDims(type, dims.columns);
  if (!batch || !rows || !columns)
    return std::nullopt;
  auto isContiguous = [](const Index &index) {
    return index.size == 1 || index.stride == 1;
  };
  bool transposed = !isContiguous(*columns);
  if (transposed && !isContiguous(*rows))
    return std::nullopt;
  const Index &outer = transposed ? *columns : *rows;
  const Index &inner = transposed ? *rows : *columns;
  int64_t leading = outer.size == 1 ? inner.size : outer.stride;
  int64_t batchStride = batch->size == 1 ? 0 : batch->stride;
  return Matrices{*batch, *rows, *columns,
                  exec::MatrixAttr::get(type.getContext(), leading, batchStride,
                                        transposed, /*offset=*/0)};
}

/// Both operands' dims, with the contracted pairs in the order `pairs`.
static std::pair<OperandDims, OperandDims>
getOperandDims(const ContractionDims &dims, int64_t lhsRank, int64_t rhsRank,
               ArrayRef<unsigned> pairs) {
  OperandDims lhs{dims.lhsBatch, dims.getLhsFree(lhsRank), {}};
  OperandDims rhs{dims.rhsBatch, {}, dims.getRhsFree(rhsRank)};
  for (unsigned pair : pairs) {
    lhs.columns.push_back(dims.lhsContract[pair]);
    rhs.rows.push_back(dims.rhsContract[pair]);
  }
  return {lhs, rhs};
}

/// The order of contracted pairs for which the fewest bytes are transposed.
static SmallVector<unsigned> chooseOrder(const ContractionDims &dims,
                                         RankedTensorType lhs,
                                         RankedTensorType rhs) {
  auto given = llvm::to_vector(llvm::seq<unsigned>(0, dims.lhsContract.size()));
  SmallVector<SmallVector<unsigned>> orders = {given, given, given};
  llvm::sort(orders[1], [&](unsigned a, unsigned b) {
    return dims.lhsContract[a] < dims.lhsContract[b];
  });
  llvm::sort(orders[2], [&](unsigned a, unsigned b) {
    return dims.rhsContract[a] < dims.rhsContract[b];
  });
  auto bytesToTranspose = [&](ArrayRef<unsigned> order) {
    auto [lhsDims, rhsDims] =
        getOperandDims(dims, lhs.getRank(), rhs.getRank(), order);
    return (viewAsMatrices(lhs, lhsDims) ? 0 : exec::getNumBytes(lhs)) +
           (viewAsMatrices(rhs, rhsDims) ? 0 : exec::getNumBytes(rhs));
  };
  return *llvm::min_element(orders, [&](const auto &a, const auto &b) {
    return bytesToTranspose(a) < bytesToTranspose(b);
  });
}

/// The operand as matrices, transposed first where it must be.
static Matrices buildMatrices(OpBuilder &builder, ContractionOpInterface op,
                              Value &operand, const OperandDims &dims) {
  if (auto matrices = viewAsMatrices(tensorType(operand), dims))
    return *matrices;
  SmallVector<int64_t> permutation(dims.batch);
  llvm::append_range(permutation, dims.rows);
  llvm::append_range(permutation, dims.columns);
  RankedTensorType type = tensorType(operand);
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(type.getDimSize(dim));
  op.emitRemark() << "transposes an operand of type " << type
                  << ": its dims are no matrix as they lie in memory";
  operand = fabric::TransposeOp::create(
      builder, op.getLoc(), RankedTensorType::get(shape, type.getElementType()),
      operand, permutation);
  auto range = [](size_t begin, size_t size) {
    return llvm::to_vector(llvm::seq<int64_t>(begin, begin + size));
  };
  size_t batch = dims.batch.size(), rows = dims.rows.size();
  return *viewAsMatrices(tensorType(operand),
                         {range(0, batch), range(batch, rows),
                          range(batch + rows, dims.columns.size())});
}

static exec::GemmOp lowerContraction(ContractionOpInterface op) {
  OpBuilder builder(op);
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  ContractionDims dims = op.getContractionDims();
  SmallVector<unsigned> order =
      chooseOrder(dims, tensorType(lhs), tensorType(rhs));
  auto [lhsDims, rhsDims] = getOperandDims(dims, tensorType(lhs).getRank(),
                                           tensorType(rhs).getRank(), order);
  Matrices a = buildMatrices(builder, op, lhs, lhsDims);
  Matrices b = buildMatrices(builder, op, rhs, rhsDims);
  auto gemm = exec::GemmOp::create(
      builder, op.getLoc(), op->getResult(0).getType(), lhs, rhs,
      /*bias=*/Value(), /*accumulator=*/Value(), /*target=*/Value(),
      /*biasOffset=*/0, a.batch.size, a.rows.size, b.columns.size,
      a.columns.size, a.matrix, b.matrix, exec::MatrixAttr(), exec::SlotAttr());
  op->getResult(0).replaceAllUsesWith(gemm.getResult());
  op->erase();
  return gemm;
}

//===----------------------------------------------------------------------===//
// Adds
//===----------------------------------------------------------------------===//

/// The vector of n elements that `value` repeats over the rows of a product.
static Value matchRowVector(Value value, int64_t n) {
  auto op = value.getDefiningOp<StructuredOpInterface>();
  if (!op || !isMovement(op))
    return {};
  Value vector = op->getOperand(0);
  SmallVector<unsigned> resultLoops = getDimLoops(op, 1);
  auto innermost =
      ArrayRef<unsigned>(resultLoops).take_back(tensorType(vector).getRank());
  if (tensorType(vector).getNumElements() != n ||
      !llvm::equal(getDimLoops(op, 0), innermost))
    return {};
  return vector;
}

/// Whether only what `value` is computed from lies between the product and the
/// add: then moving the product to the add keeps nothing else alive for longer.
static bool onlyComputes(Value value, exec::GemmOp gemm, Operation *add) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.filter = [&](Operation *op) {
    return op->getBlock() == gemm->getBlock() && gemm->isBeforeInBlock(op);
  };
  if (failed(getBackwardSlice(value, &slice, options)))
    return false;
  for (Operation *op = gemm->getNextNode(); op != add; op = op->getNextNode())
    if (!slice.contains(op) && !isSplatConstant(op))
      return false;
  return true;
}

static bool isBefore(Value value, Operation *op) {
  Operation *producer = value.getDefiningOp();
  return !producer || producer->isBeforeInBlock(op);
}

static void replaceAdd(Operation *add, exec::GemmOp gemm) {
  gemm->setLoc(
      FusedLoc::get(add->getContext(), {gemm.getLoc(), add->getLoc()}));
  add->getResult(0).replaceAllUsesWith(gemm.getResult());
  add->erase();
}

/// product + vector over rows.
static bool fuseBias(exec::GemmOp gemm, Operation *add, Value other) {
  Value vector = matchRowVector(other, gemm.getN());
  if (!vector || gemm.getBias() || gemm.getAccumulator())
    return false;
  if (!isBefore(vector, gemm)) {
    if (!onlyComputes(other, gemm, add))
      return false;
    gemm->moveBefore(add);
  }
  gemm.getBiasMutable().assign(vector);
  replaceAdd(add, gemm);
  return true;
}

/// product + a value that only this add reads, and that no kernel could add for
/// free.
static bool fuseAccumulator(exec::GemmOp gemm, Operation *add, Value other) {
  Operation *producer = other.getDefiningOp();
  if (!producer || !other.hasOneUse() || !isBefore(other, gemm) ||
      gemm.getBias() || gemm.getAccumulator() ||
      !isa<exec::GemmOp, dist::CollectiveOpInterface>(producer))
    return false;
  gemm.getAccumulatorMutable().assign(other);
  replaceAdd(add, gemm);
  return true;
}

/// Takes the add that is the product's only user into it.
static bool fuseAdd(exec::GemmOp gemm, decltype(fuseBias) fuse) {
  if (!gemm->hasOneUse())
    return false;
  OpOperand &use = *gemm->use_begin();
  auto add = dyn_cast<StructuredOpInterface>(use.getOwner());
  if (!add || add->getBlock() != gemm->getBlock() || !isElementwiseAdd(add))
    return false;
  return fuse(gemm, add, add->getOperand(1 - use.getOperandNumber()));
}

namespace {
struct LowerContractionsPass
    : lowering::impl::LowerContractionsPassBase<LowerContractionsPass> {
  using LowerContractionsPassBase::LowerContractionsPassBase;

  void runOnOperation() override {
    SmallVector<ContractionOpInterface> contractions;
    getOperation().walk(
        [&](ContractionOpInterface op) { contractions.push_back(op); });
    SmallVector<exec::GemmOp> gemms;
    for (ContractionOpInterface op : contractions) {
      exec::GemmOp gemm = lowerContraction(op);
      gemm.setTf32(tf32 && tensorType(gemm.getA()).getElementType().isF32());
      gemms.push_back(gemm);
    }
    for (exec::GemmOp gemm : gemms) {
      if (fuseAdd(gemm, fuseBias))
        ++numBiases;
      else if (fuseAdd(gemm, fuseAccumulator))
        ++numAccumulated;
    }
  }
};
} // namespace
