//===- Sums.cpp - Makers of products, reductions and layers ---------------===//

#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static Value buildLinear(ModelBuilder &b, Value x, Value weight) {
  Shape shape(b.typeOf(x).getShape());
  shape.back() = b.typeOf(weight).getDimSize(0);
  return b.build<LinearOp>(b.type(shape), x, weight);
}

static void makeLinear(ModelBuilder &b) {
  Value x = b.drawValue();
  if (b.typeOf(x).getRank() == 0)
    return;
  Shape shape(b.typeOf(x).getShape());
  int64_t size = b.drawSize();
  Value weight = b.drawOfShape({size, shape.back()});
  shape.back() = size;
  if (ModelBuilder::isSmall(shape))
    b.push(buildLinear(b, x, weight));
}

/// What lowering fuses: a product, plus a vector along one dim or another
/// product, through a gate.
static void makeLayer(ModelBuilder &b) {
  Value x = b.drawValue();
  if (b.typeOf(x).getRank() == 0)
    return;
  Shape shape(b.typeOf(x).getShape());
  // Often square, so that rows and columns could be mistaken.
  int64_t size = b.random.chance(50) ? shape.front() : b.drawSize();
  Shape weight = {size, shape.back()};
  shape.back() = size;
  if (!ModelBuilder::isSmall(shape))
    return;
  Value y = buildLinear(b, x, b.drawOfShape(weight)), other;
  if (b.random.chance(30)) {
    other = buildLinear(b, x, b.drawOfShape(weight));
  } else {
    int64_t dim =
        b.random.chance(60) ? shape.size() - 1 : b.random.below(shape.size());
    other = b.build<BroadcastOp>(b.type(shape), b.drawOfShape({shape[dim]}),
                                 ArrayRef<int64_t>{dim});
  }
  if (b.random.chance(50))
    std::swap(y, other);
  y = b.build<AddOp>(b.type(shape), y, other);
  if (!b.settings.whole && b.random.chance(50))
    y = b.build<MulOp>(b.type(shape), b.build<SiluOp>(b.type(shape), y),
                       b.drawOfShape(shape));
  b.push(y);
}

static void makeContract(ModelBuilder &b) {
  Value lhs = b.drawValue(), rhs = b.drawValue();
  ArrayRef<int64_t> left = b.typeOf(lhs).getShape();
  ArrayRef<int64_t> right = b.typeOf(rhs).getShape();
  Shape batch[2], contract[2];
  SmallVector<bool> used(right.size());
  for (auto [l, size] : llvm::enumerate(left))
    for (auto [r, other] : llvm::enumerate(right)) {
      if (size != other || used[r] || b.random.chance(20))
        continue;
      used[r] = true;
      Shape *pair = b.random.chance(30) ? batch : contract;
      pair[0].push_back(l);
      pair[1].push_back(r);
      break;
    }
  Shape shape;
  for (int64_t dim : batch[0])
    shape.push_back(left[dim]);
  auto addFree = [&](ArrayRef<int64_t> sizes, unsigned side) {
    for (auto [dim, size] : llvm::enumerate(sizes))
      if (!llvm::is_contained(batch[side], dim) &&
          !llvm::is_contained(contract[side], dim))
        shape.push_back(size);
  };
  addFree(left, 0);
  addFree(right, 1);
  if (ModelBuilder::isSmall(shape))
    b.push(b.build<ContractOp>(b.type(shape), lhs, rhs, batch[0], batch[1],
                               contract[0], contract[1]));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

template <typename OpT>
static void buildReduction(ModelBuilder &b, Value value) {
  Shape dims, shape;
  for (auto [dim, size] : llvm::enumerate(b.typeOf(value).getShape())) {
    if (b.random.chance(40))
      dims.push_back(dim);
    else
      shape.push_back(size);
  }
  b.push(b.build<OpT>(b.type(shape), value, dims));
}

static void makeSum(ModelBuilder &b) {
  buildReduction<SumOp>(b, b.drawValue());
}

template <typename OpT> static void makeExtreme(ModelBuilder &b) {
  buildReduction<OpT>(b, b.toApart(b.drawValue()));
}

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Which elements of an operand `op` takes together, along its `dims`.
struct Rows {
  Rows(Operation *op, const interpreter::Tensor &operand);

  std::vector<int64_t> of; ///< The row of each element.
  int64_t num = 1;
};
} // namespace

Rows::Rows(Operation *op, const interpreter::Tensor &operand) {
  SmallVector<int64_t> strides(operand.shape.size(), 0);
  auto dims = op->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef();
  for (int64_t dim = operand.getRank() - 1; dim >= 0; --dim)
    if (!llvm::is_contained(dims, dim)) {
      strides[dim] = num;
      num *= operand.shape[dim];
    }
  of = interpreter::gridOffsets(operand.shape, strides);
}

/// The first of what is reduced from the second; `sign` turns min into max.
template <int sign>
static double awayFromSecond(Operation *op,
                             ArrayRef<const interpreter::Tensor *> operands) {
  Rows rows(op, *operands[0]);
  std::vector<double> first(rows.num, -infinity), second(rows.num, -infinity);
  for (auto [row, x] : llvm::zip_equal(rows.of, operands[0]->floats)) {
    double key = sign * x;
    second[row] = std::max(second[row], std::min(first[row], key));
    first[row] = std::max(first[row], key);
  }
  double margin = infinity;
  for (auto [a, b] : llvm::zip_equal(first, second))
    margin = std::min(margin, a - b);
  return margin;
}

/// How wide rows are, relative to their elements. What is normalised of equal
/// elements is the rounding of their mean.
static double getSpread(Operation *op,
                        ArrayRef<const interpreter::Tensor *> operands) {
  Rows rows(op, *operands[0]);
  std::vector<double> least(rows.num, infinity), most(rows.num, -infinity);
  for (auto [row, x] : llvm::zip_equal(rows.of, operands[0]->floats)) {
    least[row] = std::min(least[row], x);
    most[row] = std::max(most[row], x);
  }
  double spread = infinity;
  for (auto [a, b] : llvm::zip_equal(least, most))
    spread = std::min(
        spread, a == b ? 0.0 : (b - a) / std::max(std::abs(a), std::abs(b)));
  return spread;
}

static void makeSoftmax(ModelBuilder &b) {
  Value value = b.drawValue();
  if (b.typeOf(value).getRank() != 0)
    b.push(b.build<SoftmaxOp>(value.getType(), value,
                              b.random.below(b.typeOf(value).getRank())));
}

static void makeLayerNorm(ModelBuilder &b) {
  Value value = b.drawValue();
  RankedTensorType type = b.typeOf(value);
  Shape dims;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (b.random.chance(50))
      dims.push_back(dim);
  if (dims.empty())
    return;
  static constexpr double epsilons[] = {1e-3, 1e-2, 0.1};
  value = b.build<LayerNormOp>(type, value, dims,
                               APFloat(b.random.pick(ArrayRef(epsilons))));
  if (b.random.chance(50)) {
    Shape scale;
    for (int64_t dim : dims)
      scale.push_back(type.getDimSize(dim));
    value = b.build<MulOp>(
        type, value, b.build<BroadcastOp>(type, b.drawOfShape(scale), dims));
  }
  b.push(value);
}

//===----------------------------------------------------------------------===//
// What the user asks for
//===----------------------------------------------------------------------===//

/// The axis, or half of one of four.
static dist::AxisRefAttr drawAxis(ModelBuilder &b, StringAttr name,
                                  int64_t size) {
  MLIRContext *context = b.builder.getContext();
  if (size == 4 && b.random.chance(25))
    return dist::AxisRefAttr::get(context, name, b.random.chance(50) ? 1 : 2,
                                  2);
  return dist::AxisRefAttr::get(context, name.getValue());
}

static void makeConstraint(ModelBuilder &b) {
  Value value = b.drawValue();
  MLIRContext *context = b.builder.getContext();
  dist::MeshAttr mesh = b.settings.mesh;
  SmallVector<SmallVector<dist::AxisRefAttr>> dims(b.typeOf(value).getRank());
  Shape rest(b.typeOf(value).getShape());
  for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes())) {
    if (dims.empty() || b.random.chance(40))
      continue;
    unsigned dim = b.random.below(dims.size());
    dist::AxisRefAttr axis = drawAxis(b, name, size);
    if (rest[dim] % axis.getSize(mesh) != 0)
      continue;
    rest[dim] /= axis.getSize(mesh);
    dims[dim].push_back(axis);
  }
  SmallVector<dist::AxesAttr> axes;
  for (ArrayRef<dist::AxisRefAttr> refs : dims)
    axes.push_back(dist::AxesAttr::get(context, refs));
  b.push(b.build<dist::ConstraintOp>(value.getType(), value,
                                     dist::ShardingAttr::get(mesh, axes),
                                     /*chosen=*/false, StringAttr()));
}

ArrayRef<OpMaker> mlir::fabric::generate::getSumMakers() {
  static constexpr OpMaker makers[] = {
      {LinearOp::getOperationName(), Whole::Always, makeLinear, nullptr, 6},
      {LinearOp::getOperationName(), Whole::Always, makeLayer, nullptr, 8},
      {ContractOp::getOperationName(), Whole::Always, makeContract, nullptr, 5},
      {SumOp::getOperationName(), Whole::Always, makeSum, nullptr, 4},
      {MaxOp::getOperationName(), Whole::Forward, makeExtreme<MaxOp>,
       awayFromSecond<1>},
      {MinOp::getOperationName(), Whole::Forward, makeExtreme<MinOp>,
       awayFromSecond<-1>},
      {SoftmaxOp::getOperationName(), Whole::Never, makeSoftmax, nullptr, 3},
      {LayerNormOp::getOperationName(), Whole::Never, makeLayerNorm, getSpread,
       3},
      {dist::ConstraintOp::getOperationName(), Whole::Always, makeConstraint,
       nullptr, 4}};
  return makers;
}
