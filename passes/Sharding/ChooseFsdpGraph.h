//===- ChooseFsdpGraph.h - What may be split over "dp" ----------*- C++ -*-===//
//
// A function whose layout over all other axes is known, from propagation with
// every parameter gathered, as the layout search sees it over "dp". Parameters
// and the states that are updated with them are stored in blocks of any dim;
// whoever needs one whole pays for the gather. Inputs are given in blocks of
// their batch dim, and no factor belongs to the batch: a gathered input is just
// another choice. What other axes send for a tensor shrinks with its blocks.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSEFSDPGRAPH_H
#define FABRIC_PASSES_SHARDING_CHOOSEFSDPGRAPH_H

#include "passes/Analysis/LayoutSearch.h"
#include "passes/Analysis/ReshardPlanner.h"
#include "passes/Sharding/PartialFlow.h"

namespace mlir::sharding {

/// Tells "dp" from the other axes.
class DataAtoms {
public:
  explicit DataAtoms(const dist::MeshAtoms &atoms);
  bool operator()(unsigned atom) const {
    return llvm::is_contained(list, atom);
  }
  const AtomList &getList() const { return list; }
  /// The placement without "dp".
  Placement getOthers(Placement placement) const;

private:
  AtomList list;
};

/// One whose sharding over "dp" is open.
struct FsdpParameter {
  unsigned argument = 0;
  /// The op of the graph that stands for it, and its tensor.
  unsigned op = 0, tensor = 0;
  /// The dim that a strategy of the op splits at rest.
  SmallVector<unsigned> dims;
  /// Its gradient, where there is one, and whether that is an update's operand;
  /// else it is a result.
  std::optional<unsigned> gradient;
  bool isUpdated = false;
  /// What is made of it where it is stored, and gathered in its stead.
  SmallVector<unsigned> copies;
};

struct FsdpProblem {
  analysis::LayoutGraph graph;
  SmallVector<FsdpParameter, 0> parameters;
  /// Tensors that stand for parameters and states, and for copies.
  llvm::SmallBitVector isStored;
  /// Of every tensor, what it stands for.
  SmallVector<Value, 0> values;
  /// Of every op, what its operands stand for; none for those of arguments,
  /// results and reshards.
  SmallVector<SmallVector<OpOperand *, 4>, 0> uses;
  /// Ops that stand for constraints marked as chosen, in program order.
  SmallVector<unsigned> chosenConstraints;
};

/// Arguments have their storage shardings; the table is propagated, not
/// committed.
FsdpProblem buildFsdpProblem(func::FuncOp function, const ShardingTable &table,
                             const PartialFlow &flow,
                             analysis::ReshardPlanner &planner);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSEFSDPGRAPH_H
