//===- FirstDifference.h - Where a program goes wrong -----------*- C++ -*-===//
//
// A plan that does not compute what the model computes was made wrong by some
// phase, at some op. The interpreter runs the unsharded program and the program
// after each phase on the same values. In the first phase whose results differ,
// the value of every op that is still the model's, and of every collective on
// one, is put together from the devices' blocks, and compared in the order of
// the program (ModelValues.h); ops that a phase has made itself are passed
// over. Where all phases agree, LoweredDifference.h goes on.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_VERIFY_FIRSTDIFFERENCE_H
#define FABRIC_COMPILER_VERIFY_FIRSTDIFFERENCE_H

#include "compiler/Driver/Compile.h"
#include "compiler/Interpreter/Tensor.h"

namespace mlir::fabric {

/// One line: the phase, the op, its location and the error. `model` is global
/// and not trained yet; `values` has one for each argument. Fails, with a
/// diagnostic, where a phase or the interpreter does.
FailureOr<std::string> findFirstDifference(ModuleOp model,
                                           ArrayRef<interpreter::Tensor> values,
                                           const CompileOptions &options,
                                           double tolerance);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_FIRSTDIFFERENCE_H
