//===- Liveness.h - Which buffers are alive where ---------------*- C++ -*-===//
//
// Memory of a block whose order is the execution order. Values share a buffer
// where one is a view of the other (ViewLikeOpInterface) or the updated form of
// it (InPlaceOpInterface). A buffer that a value was updated in holds several
// values one after the other, its *versions*; whatever reads a version must run
// before the update that ends it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_ANALYSIS_LIVENESS_H
#define FABRIC_PASSES_ANALYSIS_LIVENESS_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/Block.h"

namespace mlir::analysis {

/// The value that `value` is a view of, through all views; often itself.
Value getVersion(Value value);

/// The value whose buffer `value` lives in: the first version in it.
Value getBuffer(Value value);

/// The ops that read a version, directly or through views, in no particular
/// order and each once. Views themselves read nothing. The terminator is one.
SmallVector<Operation *> getReaders(Value version);

/// The versions that an op ends by updating them in place.
SmallVector<Value> getUpdatedVersions(Operation *op);

/// Whether the op is a collective that runs beside what follows it, until its
/// result is read.
bool isAsync(Operation *op);

/// The first op that reads a result of `op`, directly or through views; the
/// block's terminator where nobody does.
Operation *getFirstReader(Operation *op);

/// Bytes of the buffers that the op's results start: views, values updated in
/// place and constants, which are part of the plan, start none.
int64_t getAllocatedBytes(Operation *op);

struct LiveBuffer {
  Value value; ///< The first version.
  int64_t bytes;
  /// Positions in the block, both included: from where it is made to its last
  /// reader, or to where an asynchronous reader is done. An argument is alive
  /// everywhere.
  int64_t begin, end;
};

class BlockLiveness {
public:
  /// Positions are indices of the block's ops.
  explicit BlockLiveness(Block &block);

  ArrayRef<LiveBuffer> getBuffers() const { return buffers; }
  int64_t getPosition(Operation *op) const { return positions.lookup(op); }
  /// Bytes alive while the op at each position runs: operands and results both.
  ArrayRef<int64_t> getBytesAt() const { return bytesAt; }
  int64_t getPeakBytes() const;
  /// The first position of the peak.
  int64_t getPeakPosition() const;

private:
  SmallVector<LiveBuffer> buffers;
  DenseMap<Operation *, int64_t> positions;
  SmallVector<int64_t> bytesAt;
};

} // namespace mlir::analysis

#endif // FABRIC_PASSES_ANALYSIS_LIVENESS_H
