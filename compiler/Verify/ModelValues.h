//===- ModelValues.h - What a program's values should be --------*- C++ -*-===//
//
// The values of a model on global tensors, and which of them a value of the
// program is that is made of it. Ops are followed by a number, which is put on
// them and on their locations before anything is sharded; where a value is, is
// noted while its type says so.
//
// Of a composite that is decomposed on the way, the ops that it stands for are
// followed. Of a value that is padded, the part is compared that the model has:
// dims of one factor class are padded alike.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_VERIFY_MODELVALUES_H
#define FABRIC_COMPILER_VERIFY_MODELVALUES_H

#include "compiler/Interpreter/Tensor.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Analysis/FactorClasses.h"
#include <map>
#include <optional>
#include <string>

namespace mlir::fabric {

/// A result of an op of the model; an argument is of op -1.
struct ValueName {
  int64_t op, result;
  auto operator<=>(const ValueName &) const = default;
};

/// What a value of the program is.
struct Origin {
  ValueName name;
  dist::ShardingAttr sharding; ///< Null while shapes are global.
};

/// The origin that is noted for a result.
std::optional<Origin> getOrigin(Value value);

class ModelValues {
public:
  /// Numbers the ops of a trained model and interprets it. Fails with a
  /// diagnostic.
  static FailureOr<ModelValues> make(func::FuncOp model,
                                     ArrayRef<interpreter::Tensor> arguments);

  /// After the shard phase: finds what composites were decomposed into, and how
  /// classes are padded.
  void noteSharded(func::FuncOp function);
  /// While shapes are global: notes the sharding of every value, also of those
  /// that collectives make, which are the identity.
  static void noteShardings(func::FuncOp function);

  ArrayRef<interpreter::Tensor> getResults() const { return results; }
  const interpreter::Tensor *lookup(ValueName name) const;
  /// The shape of the value in the program, with padding.
  ArrayRef<int64_t> getPaddedShape(ValueName name) const;
  /// The part of a padded value that the model has; nothing where it is not
  /// known which that is.
  std::optional<interpreter::Tensor>
  takeTruePart(ValueName name, const interpreter::Tensor &padded) const;

private:
  struct ModelValue {
    interpreter::Tensor value;
    /// For each dim the classes that make it up, major first.
    SmallVector<SmallVector<analysis::FactorClass, 2>> parts;
    SmallVector<int64_t> paddedShape;
  };
  /// An op that a composite stands for.
  struct Step {
    std::string opName;
    int64_t op;
  };

  LogicalResult interpret(func::FuncOp function,
                          ArrayRef<interpreter::Tensor> arguments);
  LogicalResult addDecomposed(func::FuncOp model,
                              ArrayRef<interpreter::Tensor> arguments);
  void notePadding(ValueName name, Value value);

  int64_t numOps = 0;
  std::map<ValueName, ModelValue> values;
  SmallVector<interpreter::Tensor> results;
  std::map<int64_t, std::vector<Step>> composites;
  /// Of every class; 0 as long as it is not known, -1 where it is padded in
  /// more than one way.
  std::vector<int64_t> sizes, paddedSizes;
};

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_MODELVALUES_H
