//===- PartialFlow.h - Where the terms of a reduction are reduced -*- C++ -*-=//
//
// Once factors are assigned, a value that is partial may stay so as long as all
// that use it are linear in it and not split by the same axis; somewhere the
// terms are reduced. A value is kept partial if that costs no more bytes than
// to reduce it now; if one use needs it reduced, it is reduced once for all.
//
// The greatest fixed point: every value starts as kept, and is reduced when a
// use cannot pass its terms on, which may take from an op the other terms that
// it needed. Costs are followed from the uses back: what is kept costs its
// share of what reducing the results of its uses costs.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_PARTIALFLOW_H
#define FABRIC_PASSES_SHARDING_PARTIALFLOW_H

#include "passes/Sharding/ShardingTable.h"

namespace mlir::sharding {

class PartialFlow {
public:
  explicit PartialFlow(ShardingTable &table) : table(table) {}

  /// Leaves in every node's `passed` what passes in the end.
  void run();

  /// The atoms that uses of the value see it partial over, ascending.
  AtomList getKept(Value value) const;

private:
  using Terms = std::pair<Value, unsigned>;

  bool isKept(Value value, unsigned atom) const;
  void pass();
  bool reduce();
  int64_t getReduceBytes(Value value, unsigned atom) const;
  int64_t getKeepBytes(Value value, unsigned atom) const;

  ShardingTable &table;
  DenseSet<Terms> reduced;
  DenseMap<Terms, int64_t> bytes;
};

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_PARTIALFLOW_H
