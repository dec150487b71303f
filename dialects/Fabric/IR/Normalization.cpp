//===- Normalization.cpp - Ops relative to sums over dims -----------------===//
//
// They are one op while dims are whole, which keeps their derivatives short and
// what propagation has to decide small; `decompose` gives the ops that they
// stand for, in the type that is computed in.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Formula.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::fabric;

/// Elementwise, save that `dims` are needed whole.
static dist::ShardingRule getWholeDimsRule(RankedTensorType type,
                                           ArrayRef<int64_t> dims) {
  dist::ShardingRule rule;
  dist::TensorFactors tensor;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    dist::Factor factor;
    factor.size = size;
    if (llvm::is_contained(dims, static_cast<int64_t>(dim)))
      factor.kind = dist::Factor::Kind::Whole;
    rule.factors.push_back(factor);
    tensor.push_back({static_cast<unsigned>(dim)});
  }
  rule.operands.push_back(tensor);
  rule.results.push_back(tensor);
  return rule;
}

/// On tensors like `value`, but of the type that is computed in. How the value
/// is sharded says nothing about what is made from it.
static TensorFormula computeFormula(OpBuilder &b, Location loc, Value value) {
  RankedTensorType type = tensorType(value);
  return {b, loc,
          RankedTensorType::get(type.getShape(),
                                getComputeType(type.getElementType()))};
}

static TensorFormula ownFormula(OpBuilder &b, Location loc, Value value) {
  RankedTensorType type = tensorType(value);
  return {b, loc,
          RankedTensorType::get(type.getShape(), type.getElementType())};
}

//===----------------------------------------------------------------------===//
// SoftmaxOp
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() {
  if (failed(verifySameShapeAndElementType(*this)))
    return failure();
  RankedTensorType type = tensorType(getOperand());
  int64_t dim = getDim();
  return verifyDims(*this, "the softmax", dim, type.getRank());
}

dist::ShardingRule SoftmaxOp::getShardingRule() {
  return getWholeDimsRule(tensorType(getOperand()), getDim());
}

int64_t SoftmaxOp::getFlops() {
  return 8 * tensorType(getOperand()).getNumElements();
}

LogicalResult SoftmaxOp::decompose(RewriterBase &rewriter) {
  TensorFormula f = computeFormula(rewriter, getLoc(), getOperand());
  int64_t dim = getDim();
  Value x = f.cast(getOperand());
  Value exp = f.exp(f.sub(x, f.repeat(f.reduce<MaxOp>(x, dim), dim)));
  Value y = f.div(exp, f.repeat(f.reduce<SumOp>(exp, dim), dim));
  rewriter.replaceOp(*this,
                     ownFormula(rewriter, getLoc(), getOperand()).cast(y));
  return success();
}

/// y (dy - sum(y dy))
LogicalResult SoftmaxOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                  ArrayRef<bool> needed,
                                  MutableArrayRef<Value> gradients) {
  if (!needed[0])
    return success();
  TensorFormula f = computeFormula(b, getLoc(), getOperand());
  int64_t dim = getDim();
  Value y = f.cast(getResult()), dy = f.cast(cotangents[0]);
  Value common = f.repeat(f.reduce<SumOp>(f.mul(y, dy), dim), dim);
  gradients[0] =
      ownFormula(b, getLoc(), getOperand()).cast(f.mul(y, f.sub(dy, common)));
  return success();
}

//===----------------------------------------------------------------------===//
// LayerNormOp
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::verify() {
  if (failed(verifySameShapeAndElementType(*this)))
    return failure();
  RankedTensorType type = tensorType(getOperand());
  if (failed(verifyDims(*this, "the norm", getDims(), type.getRank())))
    return failure();
  if (!isStrictlyAscending(getDims()))
    return emitOpError() << "expects dims in ascending order";
  if (!(getEps().convertToDouble() >= 0.0))
    return emitOpError() << "expects eps not to be negative, found "
                         << getEps().convertToDouble();
  return success();
}

dist::ShardingRule LayerNormOp::getShardingRule() {
  return getWholeDimsRule(tensorType(getOperand()), getDims());
}

int64_t LayerNormOp::getFlops() {
  return 8 * tensorType(getOperand()).getNumElements();
}

namespace {
/// Of x in the type that is computed in.
struct Normalized {
  Value scale; // 1 / sqrt(variance + eps), repeated.
  Value value;
};
} // namespace

/// The mean over dims, repeated.
static Value buildMean(const TensorFormula &f, Value x,
                       ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= tensorType(x).getDimSize(dim);
  Value sum = f.reduce<SumOp>(x, dims);
  return f.repeat(f.on(sum).scale(sum, 1.0 / static_cast<double>(count)), dims);
}

static Normalized buildNormalized(LayerNormOp op, const TensorFormula &f) {
  ArrayRef<int64_t> dims = op.getDims();
  Value x = f.cast(op.getOperand());
  Value centred = f.sub(x, buildMean(f, x, dims));
  Value variance = buildMean(f, f.mul(centred, centred), dims);
  Value scale =
      f.rsqrt(f.add(variance, f.number(op.getEps().convertToDouble())));
  return {scale, f.mul(centred, scale)};
}

LogicalResult LayerNormOp::decompose(RewriterBase &rewriter) {
  TensorFormula f = computeFormula(rewriter, getLoc(), getOperand());
  Value y = buildNormalized(*this, f).value;
  rewriter.replaceOp(*this,
                     ownFormula(rewriter, getLoc(), getOperand()).cast(y));
  return success();
}

/// scale (dy - mean(dy) - y mean(y dy)). The statistics are computed again, in
/// the type that is computed in: only x must be kept.
LogicalResult LayerNormOp::buildVjp(OpBuilder &b, ArrayRef<Value> cotangents,
                                    ArrayRef<bool> needed,
                                    MutableArrayRef<Value> gradients) {
  if (!needed[0])
    return success();
  TensorFormula f = computeFormula(b, getLoc(), getOperand());
  auto [scale, y] = buildNormalized(*this, f);
  Value dy = f.cast(cotangents[0]);
  Value shifted = f.sub(dy, buildMean(f, dy, getDims()));
  Value along = f.mul(y, buildMean(f, f.mul(y, dy), getDims()));
  gradients[0] = ownFormula(b, getLoc(), getOperand())
                     .cast(f.mul(scale, f.sub(shifted, along)));
  return success();
}
