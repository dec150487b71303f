//===- ChooseTpGraph.h - A function as the layout search sees it -*- C++ -*-==//
//
// Every op becomes its strategies over one mesh axis, read off its sharding
// rule: whole; one for each factor that the axis divides; terms passed through
// each group of operands that it is linear in. Parameters, and states that are
// updated with them, become ops without operands whose strategies are the
// styles. What the other axes split is accounted for by size only.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSETPGRAPH_H
#define FABRIC_PASSES_SHARDING_CHOOSETPGRAPH_H

#include "dialects/Dist/IR/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Analysis/LayoutSearch.h"

namespace mlir::sharding {

struct TpParameter {
  unsigned argument = 0;
  /// The op of the graph that stands for it.
  unsigned op = 0;
  /// Whether the model or the user gave it a style.
  bool isGiven = false;
  /// Of the strategies of `op`.
  SmallVector<dist::TpStyle> styles;
  /// Ops of the graph that are products with it.
  SmallVector<unsigned> products;
};

struct TpProblem {
  analysis::LayoutGraph graph;
  SmallVector<TpParameter, 0> parameters;
  /// Of every tensor of the graph, what it stands for, and the dim that data
  /// parallelism splits.
  SmallVector<Value, 0> values;
  SmallVector<std::optional<unsigned>, 0> batchDims;
  /// Of every op of the graph, what it stands for, null for parameters and
  /// results of the function; and contraction FLOPs a rank if it is not split.
  SmallVector<Operation *, 0> operations;
  SmallVector<int64_t, 0> wholeFlops;
};

/// Of a function of one block on global tensors without shardings, for the axis
/// of the mesh named "tp".
TpProblem buildTpProblem(func::FuncOp function, dist::MeshAttr mesh);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSETPGRAPH_H
