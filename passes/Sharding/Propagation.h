//===- Propagation.h - Assigns axes to factors, to a fixed point -*- C++ -*-==//
//
// Every step gives an atom, and of its axis all that follow alike, to one
// factor of one op, appended to the factor's list, because the placement of an
// operand, or what a use of a result wants, has the atom there. Three kinds of
// steps, each only when no earlier kind is left:
//
//   1. forward: an operand is split so, and nothing speaks against it; or terms
//      of a reduction flow on because the op is linear in them;
//   2. backward: only uses of results want it, and nothing speaks against it;
//      the last op first;
//   3. a conflict: the first op at which neighbours want the atom on different
//      factors, or want different atoms next on one factor, or have the tensor
//      whole, or would pass terms on unreduced. All choices are compared by the
//      bytes that a rank sends for the reshards around the op; for matrix
//      products replicated work comes last. Ties go to passing terms on, then
//      to the smallest factor, then to leaving the op whole.
//
// A step is never undone, so the end is a fixed point; queues are ordered by
// program order, so it is always the same one. Every step touches only the
// neighbours of one op: the time is linear in the size of the function.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_PROPAGATION_H
#define FABRIC_PASSES_SHARDING_PROPAGATION_H

#include "passes/Analysis/ReshardPlanner.h"
#include "passes/Sharding/ShardingTable.h"
#include <deque>
#include <set>

namespace mlir::sharding {

/// A choice that was made by cost, for the user to read.
struct Decision {
  unsigned node;
  unsigned atom;
  /// None: no factor is split by the atom.
  std::optional<unsigned> factor;
  /// The best of the other choices, likewise.
  std::optional<unsigned> otherFactor;
  /// What a rank sends for the reshards around the op.
  int64_t bytes, otherBytes;
  /// Where no factor is split, terms flow on.
  bool passes;
};

class Propagation {
public:
  Propagation(ShardingTable &table, analysis::ReshardPlanner &planner)
      : table(table), planner(planner), queued(table.getNodes().size()) {}

  void run();

  ArrayRef<Decision> getDecisions() const { return decisions; }

private:
  struct Proposal {
    unsigned factor;
    unsigned atom;
    /// An operand has it; else only uses want it.
    bool forward;
    /// It comes next in a neighbour's list; else somewhere in an operand's.
    bool agrees;
    bool conflict = false;
  };

  void enqueue(unsigned node);
  void enqueueNeighbours(unsigned node);
  bool isNextToGiven(const Node &node) const;
  bool canSplit(const Node &node, unsigned factor, unsigned atom) const;
  SmallVector<Proposal> getProposals(unsigned node) const;
  bool hasUseThatWantsWhole(const Node &node, unsigned factor,
                            unsigned atom) const;
  bool canPass(const Node &node, unsigned atom) const;
  bool mayPass(const Node &node, unsigned operand, unsigned atom) const;
  void updatePassed(unsigned node);
  void examine(unsigned node);
  void propagateBackward(unsigned node);
  void decide(unsigned node);
  void assign(unsigned node, unsigned factor, unsigned atom);
  void take(unsigned node, Proposal proposal);

  int64_t getCost(unsigned node, ArrayRef<Proposal> proposals, unsigned atom,
                  std::optional<unsigned> factor);
  int64_t getOperandCost(const Node &node, OpOperand &operand, unsigned atom,
                         bool passes);
  int64_t getResultCost(const Node &node, OpResult result, unsigned atom);
  int64_t getReshardBytes(Value value, Placement from, Placement to,
                          const Node &decided, unsigned atom);

  ShardingTable &table;
  analysis::ReshardPlanner &planner;
  std::deque<unsigned> forward;
  llvm::SmallBitVector queued;
  std::set<unsigned> backward, conflicts;
  SmallVector<Decision> decisions;

  /// The op whose choices are being compared, and the atoms that it would lose.
  Operation *trial = nullptr;
  llvm::SmallBitVector lost;
};

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_PROPAGATION_H
