//===- VectorNest.h - How a linalg op becomes vector loops ------*- C++ -*-===//
//
// What the vectoriser decides before it writes code: where operands lie, what
// is stored and what is summed, and in which order the loops go.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_VECTORNEST_H
#define FABRIC_PASSES_LOWERING_KERNELS_VECTORNEST_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::lowering {

struct VectorNest {
  /// Of the op: the outputs whose stores may bypass the caches.
  static constexpr StringLiteral streamedAttr = "streamed";

  /// Of the op: the four numbers of a Prefetch.
  static constexpr StringLiteral prefetchAttr = "prefetch";

  /// A memref and, for each loop, how many elements lie between neighbours; of
  /// a box of a memref, that memref, and where the box starts: at `offset`, and
  /// so many times each of `starts` behind it. Operands that are scalars have
  /// no buffer.
  struct Access {
    Value buffer;
    SmallVector<int64_t> strides;
    int64_t offset = 0;
    SmallVector<std::pair<Value, int64_t>, 1> starts;
  };

  /// An output that gets a value of the body for each of its elements.
  struct Store {
    unsigned output;
    Value value;
    bool isStreamed = false; // Bypasses the caches.
  };

  /// An output that gets a total, or the largest or smallest of all terms.
  /// `combiner` are the ops that add a term to an element: an addition (or
  /// another choice of `kind`), and conversions of the element around it.
  struct Sum {
    unsigned output = 0;
    vector::CombiningKind kind = vector::CombiningKind::ADD;
    Value term; // Of the body.
    SmallVector<Operation *> combiner;
    /// What `combiner` works on: the element, and what is added to it.
    Value element, addend;
    /// All levels from this one on are loops of the sum, but for the innermost
    /// loop where the sum is along it.
    unsigned level = 0;
    /// Each element of the innermost loop has a total of its own.
    bool isAlongInner = false;
  };

  static constexpr int64_t maxAccumulators = 4;

  /// What else the op does with its time: it fetches, of what is `distance`
  /// iterations of `loop` ahead, a part into the second-level cache. Several
  /// ops have `shares` of it, at most `maxAccumulators`.
  struct Prefetch {
    unsigned loop;
    int64_t distance, share, shares;
  };

  Operation *op = nullptr;
  Block *body = nullptr;
  unsigned numInputs = 0;
  SmallVector<int64_t> sizes;   // Of loops.
  SmallVector<Access> accesses; // Of inputs, then outputs.
  SmallVector<Store> stores;
  SmallVector<Sum> sums;
  DenseSet<Operation *> combinerOps; // Of all sums.
  std::optional<Prefetch> prefetch;

  /// Elements in a vector.
  int64_t lanes = 1;
  /// The loop of each level, outside in. The innermost loop, which is taken a
  /// vector at a time, appears twice if it is cut into blocks.
  SmallVector<unsigned> order;
  /// The level that runs over blocks of the innermost loop.
  std::optional<unsigned> blockLevel;
  int64_t block = 0; // Elements of the innermost loop at a time.
  /// Vectors that each sum over the innermost loop is spread over.
  int64_t numAccumulators = 1;
  /// Iterations of the second innermost level that are taken together.
  int64_t numRows = 1;

  unsigned getInner() const { return order.back(); }
  BlockArgument getOutputArgument(unsigned output) const {
    return body->getArgument(numInputs + output);
  }
  const Access &getOutputAccess(unsigned output) const {
    return accesses[numInputs + output];
  }
};

/// What the op says, without decisions: sizes, accesses, stores and sums. Fails
/// with a diagnostic where it is not one that kernels are made of: loops of
/// static size, elementwise ops in the body, outputs that are written or
/// summed.
FailureOr<VectorNest> readNest(linalg::LinalgOp op);

/// Whether the operand is a buffer that is read or written.
bool isUsed(const VectorNest &nest, unsigned operand);

/// The loop that most elements of operands lie along, of several the last.
unsigned pickInner(const VectorNest &nest);

/// As readNest, with all that the vectoriser decides.
FailureOr<VectorNest> planVectorNest(linalg::LinalgOp op, unsigned vectorBits);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_VECTORNEST_H
