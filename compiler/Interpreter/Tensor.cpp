//===- Tensor.cpp - Values of the reference interpreter -------------------===//

#include "compiler/Interpreter/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::fabric::interpreter;

Tensor::Tensor(ArrayRef<int64_t> shape, Kind kind) : shape(shape), kind(kind) {
  if (kind == Kind::Float)
    floats.resize(getNumElements());
  else
    integers.resize(getNumElements());
}

Tensor Tensor::zeros(Type type) {
  Kind kind =
      isa<FloatType>(getElementTypeOrSelf(type)) ? Kind::Float : Kind::Integer;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return Tensor(tensor.getShape(), kind);
  return Tensor({}, kind);
}

Tensor Tensor::splat(ArrayRef<int64_t> shape, double value) {
  Tensor tensor(shape, Kind::Float);
  llvm::fill(tensor.floats, value);
  return tensor;
}

int64_t Tensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

SmallVector<int64_t>
mlir::fabric::interpreter::rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim])
    strides[dim] = stride;
  return strides;
}

std::vector<int64_t>
mlir::fabric::interpreter::gridOffsets(ArrayRef<int64_t> sizes,
                                       ArrayRef<int64_t> strides) {
  std::vector<int64_t> offsets = {0};
  for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
    std::vector<int64_t> finer;
    finer.reserve(offsets.size() * size);
    for (int64_t offset : offsets)
      for (int64_t index = 0; index < size; ++index)
        finer.push_back(offset + index * stride);
    offsets = std::move(finer);
  }
  return offsets;
}

/// Copies the common leading part of two tensors.
static Tensor resized(const Tensor &tensor, ArrayRef<int64_t> shape) {
  Tensor result(shape, tensor.kind);
  SmallVector<int64_t> common;
  for (auto [from, to] : llvm::zip_equal(tensor.shape, shape))
    common.push_back(std::min(from, to));
  auto from = gridOffsets(common, rowMajorStrides(tensor.shape));
  auto to = gridOffsets(common, rowMajorStrides(shape));
  for (auto [source, target] : llvm::zip_equal(from, to)) {
    if (tensor.isFloat())
      result.floats[target] = tensor.floats[source];
    else
      result.integers[target] = tensor.integers[source];
  }
  return result;
}

Tensor mlir::fabric::interpreter::pad(const Tensor &tensor,
                                      ArrayRef<int64_t> shape) {
  return resized(tensor, shape);
}

Tensor mlir::fabric::interpreter::cut(const Tensor &tensor,
                                      ArrayRef<int64_t> shape) {
  return resized(tensor, shape);
}

FailureOr<Tensor> mlir::fabric::interpreter::readElements(ElementsAttr value) {
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return failure();
  Tensor tensor = Tensor::zeros(dense.getType());
  Type element = dense.getElementType();
  if (isa<FloatType>(element)) {
    for (auto [index, number] : llvm::enumerate(dense.getValues<APFloat>())) {
      APFloat wide = number;
      bool losesInfo;
      wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                   &losesInfo);
      tensor.floats[index] = wide.convertToDouble();
    }
    return tensor;
  }
  if (!element.isIntOrIndex())
    return failure();
  for (auto [index, number] : llvm::enumerate(dense.getValues<APInt>()))
    tensor.integers[index] = element.isInteger(1)
                                 ? static_cast<int64_t>(number.getZExtValue())
                                 : number.getSExtValue();
  return tensor;
}

double mlir::fabric::interpreter::norm(const Tensor &tensor) {
  double squares = 0.0;
  for (int64_t i = 0, e = tensor.getNumElements(); i < e; ++i)
    squares += tensor.at(i) * tensor.at(i);
  return std::sqrt(squares);
}

double mlir::fabric::interpreter::relativeError(const Tensor &expected,
                                                const Tensor &actual,
                                                double floor) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (expected.shape != actual.shape || expected.kind != actual.kind)
    return infinity;
  double squares = 0.0;
  for (int64_t i = 0, e = expected.getNumElements(); i < e; ++i) {
    double a = expected.at(i), b = actual.at(i);
    // Equal covers infinities, whose difference is not a number.
    if (a == b || (std::isnan(a) && std::isnan(b)))
      continue;
    if (!std::isfinite(a) || !std::isfinite(b))
      return infinity;
    squares += (a - b) * (a - b);
  }
  if (squares == 0.0)
    return 0.0;
  return std::sqrt(squares) / std::max(norm(expected), floor);
}

bool mlir::fabric::interpreter::isBitwiseEqual(const Tensor &a,
                                               const Tensor &b) {
  if (a.shape != b.shape || a.kind != b.kind)
    return false;
  if (!a.isFloat())
    return a.integers == b.integers;
  return llvm::equal(a.floats, b.floats, [](double x, double y) {
    return x == y || (std::isnan(x) && std::isnan(y));
  });
}
