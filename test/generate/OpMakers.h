//===- OpMakers.h - How each op is generated --------------------*- C++ -*-===//
//
// The registry of the generator: an entry an op of the dialect. A new op is a
// function in the file of its family and a line in that file's list; without
// one, a test names the op that is missing.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_OPMAKERS_H
#define FABRIC_TEST_GENERATE_OPMAKERS_H

#include "compiler/Interpreter/Tensor.h"
#include "test/generate/ModelBuilder.h"

namespace mlir::fabric::generate {

/// How far an op is from where its value or its slope jumps, or is made of
/// rounding errors, the least over all elements of its operands.
using Margin = double (*)(Operation *op,
                          ArrayRef<const interpreter::Tensor *> operands);

/// Whole numbers stay whole: never, as long as nothing is differentiated, or
/// also in the derivative.
enum class Whole { Never, Forward, Always };

struct OpMaker {
  StringLiteral op;
  Whole whole;
  /// Adds the op, and what it needs, to the model; or nothing, where the draw
  /// does not fit.
  void (*make)(ModelBuilder &);
  Margin margin = nullptr;
  /// Of a draw, relative to the others.
  unsigned weight = 2;
};

ArrayRef<OpMaker> getFunctionMakers();
ArrayRef<OpMaker> getChoiceMakers();
ArrayRef<OpMaker> getShapeMakers();
ArrayRef<OpMaker> getSumMakers();

/// All of them.
ArrayRef<OpMaker> getOpMakers();

/// The margin of an op of this name; null where it needs none.
Margin getMargin(StringRef op);

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_OPMAKERS_H
