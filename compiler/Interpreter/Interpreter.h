//===- Interpreter.h - Runs the IR on simulated devices ---------*- C++ -*-===//
//
// The reference interpreter: what a function means, in f64 and plain loops. It
// reads the IR after any phase up to schedule. While shapes are global it runs
// on one device, where reshards, constraints and collectives are identities; in
// a module that is `dist.partitioned` it runs all devices of the mesh in lock
// step on local tensors.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_INTERPRETER_INTERPRETER_H
#define FABRIC_COMPILER_INTERPRETER_INTERPRETER_H

#include "compiler/Interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <functional>

namespace mlir::fabric::interpreter {

struct Options {
  /// How far replicas of a result may differ between devices, norm-wise
  /// relative to the block: 0 asks for the same bits.
  double replicaTolerance = 1e-12;
  /// Called for every argument and result of an op, in order, for each device.
  std::function<void(int64_t device, Value value, const Tensor &tensor)>
      observer;
};

/// Runs `function` on global inputs, one an argument, and returns global
/// results. Where the module is partitioned, inputs are cut by the arguments'
/// `dist.sharding` (one without it is whole on every device) and results are
/// put together by theirs. Fails, with a diagnostic at the op, for an op that
/// it does not know, for inputs of wrong shapes, and where devices disagree on
/// a replica.
FailureOr<SmallVector<Tensor>> interpret(func::FuncOp function,
                                         ArrayRef<Tensor> inputs,
                                         const Options &options = {});

/// The types of arguments and results as seen by the user: global shapes
/// without encodings, also where the function is partitioned.
SmallVector<RankedTensorType> getGlobalArgumentTypes(func::FuncOp function);
SmallVector<RankedTensorType> getGlobalResultTypes(func::FuncOp function);

} // namespace mlir::fabric::interpreter

#endif // FABRIC_COMPILER_INTERPRETER_INTERPRETER_H
