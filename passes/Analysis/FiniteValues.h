//===- FiniteValues.h - What cannot be infinite -----------------*- C++ -*-===//

#ifndef FABRIC_PASSES_ANALYSIS_FINITEVALUES_H
#define FABRIC_PASSES_ANALYSIS_FINITEVALUES_H

#include "mlir/IR/Block.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::analysis {

/// The values of a block, its arguments among them, whose elements are neither
/// infinite nor NaN as long as those of the arguments are not and nothing
/// overflows. Not what is divided, a logarithm, or the like; nor an
/// exponential, which overflows early and in good programs. The arith and math
/// dialects must be loaded.
llvm::DenseSet<Value> findFiniteValues(Block &block);

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_FINITEVALUES_H
