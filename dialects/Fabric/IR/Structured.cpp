//===- Structured.cpp - Helpers to define structured ops ------------------===//

#include "dialects/Fabric/IR/Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::fabric;

Type mlir::fabric::getComputeType(Type elementType) {
  if (isa<BFloat16Type, Float16Type>(elementType))
    return Float32Type::get(elementType.getContext());
  return elementType;
}

int64_t mlir::fabric::getNumBytes(RankedTensorType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

int64_t mlir::fabric::sumOfOperandAndResultBytes(Operation *op) {
  int64_t bytes = 0;
  auto add = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      bytes += getNumBytes(tensor);
  };
  llvm::for_each(op->getOperandTypes(), add);
  llvm::for_each(op->getResultTypes(), add);
  return bytes;
}

SmallVector<int64_t> mlir::fabric::getLoopSizes(StructuredOpInterface op) {
  SmallVector<int64_t> sizes(op.getLoopIterators().size(), 1);
  SmallVector<Value> tensors(op->getOperands());
  llvm::append_range(tensors, op->getResults());
  for (auto [map, tensor] : llvm::zip_equal(op.getLoopMaps(), tensors))
    for (auto [dim, size] : llvm::enumerate(tensorType(tensor).getShape()))
      sizes[map.getDimPosition(dim)] = size;
  return sizes;
}

dist::ShardingRule mlir::fabric::getStructuredRule(
    StructuredOpInterface op, SmallVector<SmallVector<unsigned>> linearGroups) {
  dist::ShardingRule rule =
      dist::ShardingRule::fromLoops(op.getLoopIterators(), getLoopSizes(op),
                                    op.getLoopMaps(), op->getNumOperands());
  rule.linearGroups = std::move(linearGroups);
  for (dist::Factor &factor : rule.factors)
    factor.reduction = op.getReductionKind();
  return rule;
}

SmallVector<utils::IteratorType> mlir::fabric::parallelLoops(int64_t count) {
  return SmallVector<utils::IteratorType>(count, utils::IteratorType::parallel);
}

SmallVector<AffineMap>
mlir::fabric::identityMaps(MLIRContext *context, int64_t rank, unsigned count) {
  return SmallVector<AffineMap>(
      count, AffineMap::getMultiDimIdentityMap(rank, context));
}

AffineMap mlir::fabric::projection(MLIRContext *context, int64_t numLoops,
                                   ArrayRef<int64_t> loops) {
  SmallVector<AffineExpr> results;
  for (int64_t loop : loops)
    results.push_back(getAffineDimExpr(loop, context));
  return AffineMap::get(numLoops, 0, results, context);
}

LogicalResult mlir::fabric::verifySameShapeAndElementType(Operation *op) {
  auto first = cast<RankedTensorType>(op->getResultTypes().front());
  auto verify = [&](Type type) -> LogicalResult {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getShape() == first.getShape() &&
        tensor.getElementType() == first.getElementType())
      return success();
    return op->emitOpError() << "expects operands and results of one shape and "
                                "element type, found "
                             << tensor << " and " << first;
  };
  for (Type type : op->getOperandTypes())
    if (failed(verify(type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(verify(type)))
      return failure();
  return success();
}

Value mlir::fabric::floatConstant(OpBuilder &builder, Location loc, Type type,
                                  double value) {
  TypedAttr attr =
      builder.getFloatAttr(cast<FloatType>(getElementTypeOrSelf(type)), value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(builder, loc, attr);
}

LogicalResult mlir::fabric::verifyDims(Operation *op, StringRef what,
                                       ArrayRef<int64_t> dims, int64_t rank) {
  llvm::SmallBitVector seen(rank);
  for (int64_t dim : dims) {
    if (dim < 0 || dim >= rank)
      return op->emitOpError()
             << what << " names dim " << dim << " of a tensor of rank " << rank;
    if (seen.test(dim))
      return op->emitOpError() << what << " names dim " << dim << " twice";
    seen.set(dim);
  }
  return success();
}

SmallVector<int64_t> mlir::fabric::otherDims(ArrayRef<int64_t> dims,
                                             int64_t rank) {
  SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(dims, dim))
      others.push_back(dim);
  return others;
}

bool mlir::fabric::isStrictlyAscending(ArrayRef<int64_t> dims) {
  return llvm::all_of(llvm::seq<size_t>(1, std::max<size_t>(dims.size(), 1)),
                      [&](size_t i) { return dims[i - 1] < dims[i]; });
}
