//===- LoweredDifference.h - Where a plan goes wrong ------------*- C++ -*-===//
//
// Of a program that is right up to its schedule, and wrong as a plan. Looks for
// the pass of the lower phase after which the interpreter gets other results;
// if there is none, runs the plan with a copy of whatever an instruction has
// written behind it, and looks for the first that wrote something else than the
// interpreter says.
//
// Passes replace ops: what they make is found by its location, which gets a
// number before each pass. The last op that has an op's number must give one of
// the values that this op gave.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_VERIFY_LOWEREDDIFFERENCE_H
#define FABRIC_COMPILER_VERIFY_LOWEREDDIFFERENCE_H

#include "compiler/Driver/Compile.h"
#include "compiler/Interpreter/Tensor.h"

namespace mlir::fabric {

/// "'fabric.mul' at model.mlir:3:8, error 1.0e-03".
std::string describeDifference(Operation *op, double error);

/// One line: the pass or the instruction, the op, its location and the error.
/// `program` is scheduled, and is lowered in place; `values` are those of the
/// arguments, `expected` those of the results. Fails, with a diagnostic, where
/// a pass, the interpreter or the runtime does.
FailureOr<std::string>
findLoweredDifference(ModuleOp program, ArrayRef<interpreter::Tensor> values,
                      ArrayRef<interpreter::Tensor> expected,
                      const CompileOptions &options, double tolerance);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_LOWEREDDIFFERENCE_H
