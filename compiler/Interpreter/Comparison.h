//===- Comparison.h - Inputs for two runs, and their results ----*- C++ -*-===//
//
// What every check by value needs around the interpreter: the same random
// inputs for both sides, names for results, and one measure of how far they are
// apart.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_INTERPRETER_COMPARISON_H
#define FABRIC_COMPILER_INTERPRETER_COMPARISON_H

#include "compiler/Interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>

namespace mlir::fabric::interpreter {

enum class RandomKind {
  Normal,       // normally distributed floats
  SmallIntegers // whole numbers from -3 to 3, which linear ops add up exactly
};

/// Global inputs for a function, one an argument, whatever it has become by
/// partitioning: argument i depends on `seed`, i and its global shape. Second
/// moments are not negative, scalars have their default, and `step` is 3.
SmallVector<Tensor> makeRandomInputs(func::FuncOp function, uint64_t seed,
                                     RandomKind kind = RandomKind::Normal);

/// The name of every result: its own, or "update of" its argument's, or its
/// number.
SmallVector<std::string> getResultNames(func::FuncOp function);

struct Comparison {
  std::string name;
  double error; // norm-wise relative; infinite where shapes differ
  bool agrees;
};

/// Compares results one by one: the error is relative to the larger of the
/// result's own norm and 1e-3 of the norm of all, for some results are exactly
/// zero. A tolerance of 0 asks for the same bits. The lists are equally long.
SmallVector<Comparison> compareResults(ArrayRef<std::string> names,
                                       ArrayRef<Tensor> expected,
                                       ArrayRef<Tensor> actual,
                                       double tolerance);

} // namespace mlir::fabric::interpreter

#endif // FABRIC_COMPILER_INTERPRETER_COMPARISON_H
