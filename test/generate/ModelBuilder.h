//===- ModelBuilder.h - A model under construction --------------*- C++ -*-===//
//
// What makers of ops build with: a pool of values to draw operands from,
// arguments of every kind, and wrappers that bring a value into the domain of a
// function. Everything in the pool is an f64 tensor.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_MODELBUILDER_H
#define FABRIC_TEST_GENERATE_MODELBUILDER_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "test/generate/Random.h"

namespace mlir::fabric::generate {

using Shape = SmallVector<int64_t>;

/// What a program is made of.
struct Settings {
  dist::MeshAttr mesh;
  unsigned numOps = 12;
  /// Only ops that take whole numbers to whole numbers, so that sums may be
  /// reordered without changing a bit.
  bool whole = false;
  /// Is differentiated, as this says.
  std::optional<TrainMode> train;
  /// Batch dims and styles also where the mesh does not divide the dim.
  bool uneven = false;
  /// Also casts to narrower types, which the interpreter does not round and a
  /// plan does.
  bool narrow = false;
};

class ModelBuilder {
public:
  ModelBuilder(MLIRContext *context, const Settings &settings, uint64_t seed);

  Random random;
  const Settings settings;
  OpBuilder builder;

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  int64_t drawSize();
  Shape drawShape();
  /// A value of the pool, recent ones more often.
  Value drawValue();
  /// Another value of the pool, a constant or a parameter, of this shape.
  Value drawOfShape(ArrayRef<int64_t> shape);
  Value makeConstant(ArrayRef<int64_t> shape);
  Value makeParameter(ArrayRef<int64_t> shape);
  /// An input of the type, perhaps with a batch dim.
  Value makeInput(ArrayRef<int64_t> shape, Type elementType);

  /// Made of the value: away from zero, and not large.
  Value toPositive(Value value);
  /// Made of the value: between -1 and 1, or 0 and 1.
  Value toBounded(Value value);
  /// Plus something of its own for each element, so that none ties with another
  /// value. Whole numbers are let be: there a tie is a tie on every mesh.
  Value toApart(Value value);

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  static RankedTensorType typeOf(Value value) {
    return cast<RankedTensorType>(value.getType());
  }
  RankedTensorType type(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getF64Type());
  }
  template <typename OpT, typename... Args> Value build(Args &&...args) {
    return OpT::create(builder, builder.getUnknownLoc(),
                       std::forward<Args>(args)...);
  }
  /// Whether a tensor of this shape may be made: nothing explodes.
  static bool isSmall(ArrayRef<int64_t> shape);
  /// Into the pool.
  void push(Value value);

  /// The model of what was pushed: what nothing uses, and some of the rest, are
  /// its results, and a loss is the sum of them.
  OwningOpRef<ModuleOp> finish();

private:
  Value addArgument(Type type, StringRef name, Attribute attr);
  Value makeOffset(RankedTensorType type);
  Value makeLoss(ArrayRef<Value> results);

  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  Block *body = nullptr;
  SmallVector<Value> values;
  unsigned numParameters = 0;
  SmallVector<SmallVector<NamedAttribute>> argumentAttrs;
};

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_MODELBUILDER_H
