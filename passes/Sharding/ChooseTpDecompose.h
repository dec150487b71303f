//===- ChooseTpDecompose.h - Splitting what an op needs whole ---*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSETPDECOMPOSE_H
#define FABRIC_PASSES_SHARDING_CHOOSETPDECOMPOSE_H

#include "passes/Sharding/ChooseTpFacts.h"

namespace mlir::sharding {

/// Whether the op has such a form.
bool canDecompose(Operation *op);

/// What the ops cost that the op decomposes into, in these states of its
/// operands and results, and with the reductions among them, to all ranks as
/// propagation has them. Nothing if the op does not decompose, or into ops that
/// the split does not pass through.
std::optional<analysis::LayoutTotals>
getCostOfDecomposed(const BatchFacts &batch, const OpInfo &info,
                    ArrayRef<analysis::LayoutState> states);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSETPDECOMPOSE_H
