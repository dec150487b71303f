//===- ChooseTpLayouts.h - Layouts that styles do not lead to ---*- C++ -*-===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSETPLAYOUTS_H
#define FABRIC_PASSES_SHARDING_CHOOSETPLAYOUTS_H

#include "passes/Sharding/ChooseTpGraph.h"

namespace mlir::sharding {

/// Leaves a `dist.constraint` wherever the plan scatters terms to ops that no
/// parameter splits, however far away, and where such a split ends; returns how
/// many.
unsigned constrainLayouts(func::FuncOp function, const TpProblem &problem,
                          const analysis::LayoutPlan &plan,
                          dist::MeshAttr mesh);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSETPLAYOUTS_H
