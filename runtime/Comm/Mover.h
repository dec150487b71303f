//===- Mover.h - How a rank moves bytes where its buffers are ---*- C++ -*-===//
//
// The part of a communicator that touches memory. On the host a function
// returns when it is done. On a GPU it is work in the rank's stream, and ranks
// of one process wait for each other there: each marks how far it is, they meet
// as threads, and each follows the others' marks.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_MOVER_H
#define FABRIC_RUNTIME_COMM_MOVER_H

#include "runtime/Comm/StridedCopy.h"
#include "runtime/Device/Stream.h"

#include <memory>
#include <span>

namespace fabric::comm {

/// Used by one thread, but for follow(), which reads a peer's mark.
class Mover {
public:
  virtual ~Mover() = default;

  virtual bool onHost() const = 0;

  /// Marks the work so far, in place of the last mark.
  virtual Status mark() = 0;
  /// What comes next runs after the peer's last mark, or after a later one that
  /// it has made meanwhile.
  virtual Status follow(const Mover &peer) = 0;

  /// As comm::copyRows().
  Status copyRows(const std::byte *source, Rows from, std::byte *target,
                  Rows to) {
    return copyPart(source, from, 0, target, to, 0, from.totalBytes());
  }
  /// As comm::copyPart().
  virtual Status copyPart(const std::byte *source, Rows from, int64_t fromAt,
                          std::byte *target, Rows to, int64_t toAt,
                          int64_t bytes) = 0;

  /// Reduces blocks that lie like `from`, one a source, in the order of the
  /// sources, to dense elements at `target`. Not for bool.
  virtual Status reduceRows(DType dtype, Reduction reduction,
                            std::span<const std::byte *const> sources,
                            Rows from, std::byte *target) = 0;
};

/// For buffers of the device that `stream` belongs to; null: of the host.
Expected<std::shared_ptr<Mover>> createMover(device::Stream *stream);

/// In NoCuda.cpp where the build has no CUDA.
Expected<std::shared_ptr<Mover>> createCudaMover(device::Stream &stream);

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_MOVER_H
