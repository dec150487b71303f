//===- FactorClasses.h - Dims that must have one size -----------*- C++ -*-===//
//
// Sharding rules say which dims of an op's operands and results are one factor.
// Followed through all values of a block, they make classes of factors: parts
// of dims that can only be padded together. A reshape sees a dim in pieces, so
// a dim is a list of classes, major first, as fine as any op sees it.
//
// A unification: a dim is a variable, a list of factors a compound term, equal
// sizes are unified and a larger one is split. What two ops cut differently
// (6 x 4 and 4 x 6) keeps its size, and so does what an op needs whole.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_FACTORCLASSES_H
#define FABRIC_PASSES_ANALYSIS_FACTORCLASSES_H

#include "dialects/Dist/IR/Dist.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::analysis {

using FactorClass = unsigned;

class FactorClasses {
public:
  /// Of all values of a block: its arguments and the results of its ops, which
  /// are tensors.
  explicit FactorClasses(Block &block);

  /// The classes that make up a dim, major first; their sizes multiply to it.
  SmallVector<FactorClass, 2> getParts(Value value, unsigned dim) const;
  /// The classes that make up a factor of an op's rule.
  SmallVector<FactorClass, 2> getParts(Operation *op, unsigned factor) const;
  /// The rule of an op of the block, as it was when the classes were made; null
  /// where it has none.
  const dist::ShardingRule *getRule(Operation *op) const;

  int64_t getSize(FactorClass part) const { return nodes[part].size; }
  /// An op that needs the class to have its size; null if there is none.
  Operation *getFixedBy(FactorClass part) const { return nodes[part].fixedBy; }
  /// Classes are numbers below this.
  unsigned getNumClasses() const { return nodes.size(); }

private:
  struct Node {
    int64_t size;
    unsigned parent; ///< Itself if it stands for its class.
    SmallVector<unsigned, 2> parts;
    Operation *fixedBy = nullptr;
  };
  struct OpFactors {
    dist::ShardingRule rule;
    unsigned firstNode;
  };

  unsigned addNode(int64_t size);
  void addValue(Value value);
  void addOp(Operation *op);
  unsigned find(unsigned node) const;
  void appendParts(unsigned node, SmallVectorImpl<FactorClass> &parts) const;
  void fix(unsigned node, Operation *op);
  void merge(unsigned a, unsigned b);
  void split(unsigned node, int64_t majorSize);
  void unify(SmallVector<unsigned, 2> a, SmallVector<unsigned, 2> b,
             Operation *op);

  /// Looking a class up shortens the way to it.
  mutable SmallVector<Node, 0> nodes;
  DenseMap<Value, unsigned> firstNodes;
  DenseMap<Operation *, OpFactors> ops;
};

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_FACTORCLASSES_H
