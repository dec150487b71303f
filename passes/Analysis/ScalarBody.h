//===- ScalarBody.h - What an op makes of known numbers ---------*- C++ -*-===//

#ifndef FABRIC_PASSES_ANALYSIS_SCALARBODY_H
#define FABRIC_PASSES_ANALYSIS_SCALARBODY_H

#include "dialects/Fabric/IR/Fabric.h"

namespace mlir::analysis {

/// What is known of a number.
struct ScalarValue {
  std::optional<double> number;
  /// It is neither infinite nor NaN, short of overflow.
  bool isFinite = false;
};

/// What the body of a structured op makes of an element of each operand. Its
/// scalar ops are folded, and zero times a finite number that is not known is
/// zero. What depends on such numbers alone is taken as finite within the body
/// (1 / sqrt(1 - beta^step)), if not outside. The arith and math dialects must
/// be loaded.
SmallVector<ScalarValue> evaluateScalarBody(fabric::StructuredOpInterface op,
                                            ArrayRef<ScalarValue> operands);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_SCALARBODY_H
