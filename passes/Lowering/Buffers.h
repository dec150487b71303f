//===- Buffers.h - Which values share memory, and when it is needed * C++
//*-===//
//
// The values of a planned or to-be-planned function, grouped by ties and views:
// a group is a buffer. Time is the index of an instruction in the block; the
// terminator is the last one.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_BUFFERS_H
#define FABRIC_PASSES_LOWERING_BUFFERS_H

#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lowering {

struct Buffer {
  SmallVector<Value> values; ///< The first one brought it into being.
  int64_t begin = 0, end = 0;
  /// Until then an asynchronous collective may read it.
  int64_t readUntil = 0;

  int64_t getNumBytes() const {
    return exec::getNumBytes(values.front().getType());
  }
  bool isArgument() const { return isa<BlockArgument>(values.front()); }
};

class Buffers {
public:
  /// The arguments' buffers, needed throughout.
  explicit Buffers(Block &block);

  /// Adds the results of the block's next op, by its ties.
  void addResults(Operation *op);
  /// Adds a value to the buffer of another one.
  void join(Value value, unsigned buffer);

  unsigned lookup(Value value) const { return ids.at(value); }
  Buffer &get(unsigned buffer) { return buffers[buffer]; }
  ArrayRef<Buffer> getAll() const { return buffers; }
  int64_t getTime(Operation *op) const { return times.at(op); }

  /// The last op that reads a value of the buffer, as far as its values are
  /// known; null where nobody does.
  Operation *getLastReader(unsigned buffer) const;

private:
  void add(Value value);

  DenseMap<Operation *, int64_t> times;
  DenseMap<Value, unsigned> ids;
  SmallVector<Buffer> buffers;
};

/// All buffers of a function whose ties are decided.
Buffers findBuffers(Block &block);

/// Buffers that an op may write beside its results' own: what becomes an
/// argument's new value may be written right into its slot.
using UntiedUpdates = DenseMap<Operation *, SmallVector<unsigned, 1>>;
UntiedUpdates findUntiedUpdates(func::FuncOp function, const Buffers &buffers);

/// The buffers that an op writes, or may write.
SmallVector<unsigned, 4> getWrites(Operation *op, const Buffers &buffers,
                                   const UntiedUpdates &updates);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_BUFFERS_H
