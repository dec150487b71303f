//===- Tensor.h - Values of the reference interpreter -----------*- C++ -*-===//
//
// A tensor of the interpreter holds f64 or int64 in row-major order, whatever
// the width of its type in the IR: the interpreter says what a program means,
// not how it rounds.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_INTERPRETER_TENSOR_H
#define FABRIC_COMPILER_INTERPRETER_TENSOR_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include <vector>

namespace mlir::fabric::interpreter {

struct Tensor {
  enum class Kind { Float, Integer };

  SmallVector<int64_t> shape;
  Kind kind = Kind::Float;
  std::vector<double> floats;    // as many as elements, if kind is Float
  std::vector<int64_t> integers; // as many as elements, if kind is Integer

  Tensor() = default;
  /// Zeros.
  Tensor(ArrayRef<int64_t> shape, Kind kind);

  /// Zeros for a ranked tensor type or an integer or float scalar; an encoding
  /// is ignored. `type` must be one of these.
  static Tensor zeros(Type type);
  static Tensor splat(ArrayRef<int64_t> shape, double value);
  static Tensor scalar(double value) { return splat({}, value); }

  int64_t getRank() const { return static_cast<int64_t>(shape.size()); }
  int64_t getNumElements() const;
  bool isFloat() const { return kind == Kind::Float; }
  /// Element `index` in row-major order, as f64.
  double at(int64_t index) const {
    return isFloat() ? floats[index] : static_cast<double>(integers[index]);
  }
};

/// The elements between blocks of consecutive indices of each dim.
SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape);

/// Offsets of all elements of a sub-grid, in row-major order of `sizes`: dim i
/// of the grid moves by `strides[i]`.
std::vector<int64_t> gridOffsets(ArrayRef<int64_t> sizes,
                                 ArrayRef<int64_t> strides);

/// The tensor with zeros behind it along each dim, up to `shape`.
Tensor pad(const Tensor &tensor, ArrayRef<int64_t> shape);
/// The leading part of the tensor along each dim, of shape `shape`.
Tensor cut(const Tensor &tensor, ArrayRef<int64_t> shape);

/// The value of a constant; fails for storage that it cannot read.
FailureOr<Tensor> readElements(ElementsAttr value);

/// The Euclidean norm.
double norm(const Tensor &tensor);

/// How far `actual` is from `expected`, norm-wise, relative to the larger of
/// the norm of `expected` and `floor`. Infinite where shapes or kinds differ,
/// or where one has a NaN that the other has not; 0 where both are zero.
double relativeError(const Tensor &expected, const Tensor &actual,
                     double floor = 0.0);

/// The same shape and the same bits (-0 and 0 are equal, and so are NaNs).
bool isBitwiseEqual(const Tensor &a, const Tensor &b);

} // namespace mlir::fabric::interpreter

#endif // FABRIC_COMPILER_INTERPRETER_TENSOR_H
