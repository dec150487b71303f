//===- ScalarBody.h - What an op makes of known numbers ---------*- C++ -*-===//

#ifndef FABRIC_PASSES_ANALYSIS_SCALARBODY_H
#define FABRIC_PASSES_ANALYSIS_SCALARBODY_H

#include "dialects/Fabric/IR/Fabric.h"

namespace mlir::analysis {

/// A number, or none where it is finite but not known.
using ScalarValue = std::optional<double>;

/// What the body of a structured op makes of an element of each operand: its
/// scalar ops are folded, and zero times a number that is not known is zero.
/// The arith and math dialects must be loaded.
SmallVector<ScalarValue> evaluateScalarBody(fabric::StructuredOpInterface op,
                                            ArrayRef<ScalarValue> operands);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_SCALARBODY_H
