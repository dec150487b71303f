//===- Shapes.cpp - Makers of shapes, parts and constants -----------------===//

#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

static void makeBroadcast(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape dims, shape;
  for (int64_t size : b.typeOf(value).getShape()) {
    if (b.random.chance(30))
      shape.push_back(b.drawSize());
    dims.push_back(shape.size());
    shape.push_back(size);
  }
  if (b.random.chance(50) || shape.empty())
    shape.push_back(b.drawSize());
  if (ModelBuilder::isSmall(shape))
    b.push(b.build<BroadcastOp>(b.type(shape), value, dims));
}

static void makeTranspose(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape permutation =
      llvm::to_vector(llvm::seq<int64_t>(0, b.typeOf(value).getRank()));
  b.random.shuffle(MutableArrayRef(permutation));
  Shape shape;
  for (int64_t dim : permutation)
    shape.push_back(b.typeOf(value).getDimSize(dim));
  b.push(b.build<TransposeOp>(b.type(shape), value, permutation));
}

/// Merges neighbours and cuts dims.
static void makeReshape(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape merged, shape;
  for (int64_t size : b.typeOf(value).getShape()) {
    if (!merged.empty() && b.random.chance(50))
      merged.back() *= size;
    else
      merged.push_back(size);
  }
  for (int64_t size : merged) {
    int64_t part = b.drawSize();
    if (b.random.chance(50) && size % part == 0) {
      shape.push_back(part);
      size /= part;
    }
    shape.push_back(size);
  }
  if (ModelBuilder::isSmall(shape))
    b.push(b.build<ReshapeOp>(b.type(shape), value));
}

static void makeMask(ModelBuilder &b) {
  Value value = b.drawValue();
  RankedTensorType type = b.typeOf(value);
  if (type.getRank() == 0)
    return;
  unsigned dim = b.random.below(type.getRank());
  SmallVector<double> bits;
  for (int64_t i = 0; i < type.getDimSize(dim); ++i)
    bits.push_back(b.random.chance(70));
  Value valid = b.build<ConstantOp>(DenseElementsAttr::get(
      b.type({type.getDimSize(dim)}), ArrayRef<double>(bits)));
  double fill = b.random.chance(60) ? 0.0 : double(b.random.below(5)) - 2;
  b.push(b.build<MaskOp>(type, value, valid, dim, APFloat(fill)));
}

static void makeConstant(ModelBuilder &b) {
  b.push(b.makeConstant(b.drawShape()));
}

/// Where a part lies along some dims: the part's sizes are filled in for a
/// slice, the whole's for a pad.
struct Part {
  Shape dims, offsets, strides;
};

static void makeSlice(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape shape(b.typeOf(value).getShape());
  Part part;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (!b.random.chance(50))
      continue;
    int64_t offset = b.random.below(size);
    int64_t stride = 1 + (b.random.chance(30) ? b.random.below(3) : 0);
    int64_t most = (size - offset + stride - 1) / stride;
    part.dims.push_back(dim);
    part.offsets.push_back(offset);
    part.strides.push_back(stride);
    size = 1 + b.random.below(most);
  }
  b.push(b.build<SliceOp>(b.type(shape), value, part.dims, part.offsets,
                          part.strides));
}

static void makePad(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape shape(b.typeOf(value).getShape());
  Part part;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (!b.random.chance(50))
      continue;
    int64_t offset = b.random.below(3), behind = b.random.below(3);
    int64_t stride = 1 + (b.random.chance(30) ? b.random.below(2) : 0);
    part.dims.push_back(dim);
    part.offsets.push_back(offset);
    part.strides.push_back(stride);
    size = offset + (size - 1) * stride + 1 + behind;
  }
  double fill = b.random.chance(60) ? 0.0 : double(b.random.below(5)) - 2;
  if (ModelBuilder::isSmall(shape))
    b.push(b.build<PadOp>(b.type(shape), value, part.dims, part.offsets,
                          part.strides, APFloat(fill)));
}

static void makeConcat(ModelBuilder &b) {
  Value value = b.drawValue();
  Shape shape(b.typeOf(value).getShape());
  if (shape.empty())
    return;
  unsigned dim = b.random.below(shape.size());
  SmallVector<Value> operands = {value};
  for (unsigned i = 0, count = b.random.below(3); i < count; ++i) {
    Shape other(b.typeOf(value).getShape());
    if (b.random.chance(50))
      other[dim] = b.drawSize();
    if (!ModelBuilder::isSmall(other))
      return;
    operands.push_back(b.drawOfShape(other));
    shape[dim] += other[dim];
  }
  b.random.shuffle(MutableArrayRef(operands));
  if (ModelBuilder::isSmall(shape))
    b.push(b.build<ConcatOp>(b.type(shape), operands, dim));
}

ArrayRef<OpMaker> mlir::fabric::generate::getShapeMakers() {
  static constexpr OpMaker makers[] = {
      {BroadcastOp::getOperationName(), Whole::Always, makeBroadcast, nullptr,
       4},
      {TransposeOp::getOperationName(), Whole::Always, makeTranspose, nullptr,
       4},
      {ReshapeOp::getOperationName(), Whole::Always, makeReshape, nullptr, 5},
      {MaskOp::getOperationName(), Whole::Always, makeMask},
      {ConstantOp::getOperationName(), Whole::Always, makeConstant, nullptr, 1},
      {SliceOp::getOperationName(), Whole::Always, makeSlice},
      {PadOp::getOperationName(), Whole::Always, makePad},
      {ConcatOp::getOperationName(), Whole::Always, makeConcat}};
  return makers;
}
