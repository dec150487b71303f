//===- ShardingTable.h - Which axes split which factor of an op -*- C++ -*-===//
//
// The side table of propagation: for every op of a function, the atoms that
// split each factor of its rule. From it follow, at any time, where a value is
// and where each of its uses wants it. The IR does not change until the table
// is committed.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_SHARDINGTABLE_H
#define FABRIC_PASSES_SHARDING_SHARDINGTABLE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Analysis/Placement.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::sharding {

using analysis::Placement;
using dist::AtomList;

/// The atoms that split each factor of a rule.
using FactorAtoms = SmallVector<AtomList, 4>;

/// The atoms of every dim of a tensor, given those of the factors.
SmallVector<AtomList, 4> getDimAtoms(const dist::TensorFactors &tensor,
                                     const FactorAtoms &factors);

/// The inverse: hands the atoms of every dim to its factors, major first, as
/// far as they fit: an atom that divides no factor ends its dim's list. False
/// where some did not fit.
bool getFactorAtoms(const dist::MeshAtoms &atoms,
                    const dist::ShardingRule &rule,
                    const dist::TensorFactors &tensor, ArrayRef<AtomList> dims,
                    FactorAtoms &factors);

/// True if a result that does not contain the split factor is not whole, but a
/// term of a reduction.
bool isReducedIn(const dist::ShardingRule &rule, unsigned factor,
                 const dist::TensorFactors &tensor);

/// An op with a sharding rule.
struct Node {
  Operation *op = nullptr;
  dist::ShardingRule rule;
  FactorAtoms factors;
  /// Atoms that it was decided not to split any factor by.
  llvm::SmallBitVector closed;
  /// Atoms over which results are partial because operands are.
  llvm::SmallBitVector passed;
  /// It updates stored values in place, or casts them where they are stored:
  /// their shardings are its own, and nothing propagates to or from it.
  bool fixed = false;
};

class ShardingTable {
public:
  /// Arguments carry shardings. Fails, with a diagnostic, on an op that does
  /// not say how it shards.
  static FailureOr<ShardingTable> get(func::FuncOp function,
                                      const dist::MeshAtoms &atoms);

  const dist::MeshAtoms &getAtoms() const { return *atoms; }
  MutableArrayRef<Node> getNodes() { return nodes; }
  ArrayRef<Node> getNodes() const { return nodes; }
  Node &getNode(unsigned index) { return nodes[index]; }
  const Node &getNode(unsigned index) const { return nodes[index]; }

  /// The node of an op that takes part, by index.
  std::optional<unsigned> lookup(Operation *op) const;

  /// A value without operands of its own, such as a constant: it can be made
  /// under any sharding, wherever it is used.
  static bool isSource(Value value);

  /// The uses of a value in program order.
  ArrayRef<OpOperand *> getUses(Value value) const;

  /// Where the value is. Partial over what its op reduces or passes on.
  Placement getPlacement(Value value) const;
  /// One half of it, where the other is not asked for.
  SmallVector<AtomList, 4> getDims(Value value) const;
  AtomList getPartial(Value value) const;

  /// The dims that a use asks for; none for uses that take any. Nothing is said
  /// about partial axes.
  std::optional<Placement> getWanted(OpOperand &use) const;

  /// Whether the op splits a factor by the atom, or never will.
  bool isDecided(const Node &node, unsigned atom) const;
  bool isSplit(const Node &node, unsigned atom) const;

  /// Whether results may be partial over an atom because operands are: exactly
  /// the operands of one linear group.
  bool canPass(const Node &node, unsigned atom,
               function_ref<bool(unsigned operand)> isPartial) const;

  /// How results combine that are partial.
  dist::ReductionKind getReduction(const Node &node) const;

private:
  LogicalResult addOp(Operation *op);
  LogicalResult fixNode(Node &node);

  const dist::MeshAtoms *atoms = nullptr;
  SmallVector<Node, 0> nodes;
  DenseMap<Operation *, unsigned> indices;
  DenseMap<Value, SmallVector<OpOperand *, 2>> uses;
  /// Shardings that are given: arguments, reshards, constraints, updates.
  DenseMap<Value, Placement> given;
};

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_SHARDINGTABLE_H
