//===- Values.h - The numbers that a model is verified on -------*- C++ -*-===//

#ifndef FABRIC_COMPILER_VERIFY_VALUES_H
#define FABRIC_COMPILER_VERIFY_VALUES_H

#include "compiler/Interpreter/Tensor.h"
#include "compiler/Verify/VerifyCommand.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/Executor/Session.h"

namespace mlir::fabric {

/// A value for every argument of the model, as it is before it is promoted to
/// f64: parameters from the weights file or drawn from the seed by their
/// initialisers, inputs from the data given or drawn. Fails with a diagnostic.
FailureOr<SmallVector<interpreter::Tensor>>
makeModelValues(func::FuncOp model, const VerifyCommand &command);

/// The same numbers for the runtime: f64, or the integer type of `type`.
::fabric::runtime::HostTensor toHostTensor(const interpreter::Tensor &tensor,
                                           RankedTensorType type);
interpreter::Tensor fromHostTensor(const ::fabric::runtime::HostTensor &tensor);

/// What the runtime wants to know to run the model on these values, one for
/// each argument.
::fabric::runtime::RunInputs
makeRunInputs(func::FuncOp model, ArrayRef<interpreter::Tensor> values);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_VALUES_H
