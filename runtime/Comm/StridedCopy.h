//===- StridedCopy.h - Copies between strided blocks ------------*- C++ -*-===//
//
// A strided block is `count` rows of `bytes`, `stride` bytes apart: how a piece
// lies in the tensor that it is cut from.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_STRIDEDCOPY_H
#define FABRIC_RUNTIME_COMM_STRIDEDCOPY_H

#include "runtime/Comm/Communicator.h"

#include <cstddef>

namespace fabric::comm {

struct Rows {
  int64_t count = 0;
  int64_t bytes = 0;
  int64_t stride = 0;

  int64_t totalBytes() const { return count * bytes; }
};

/// Any of `n` pieces inside its tensor; where it starts is pieceOffset().
Rows rowsOf(Pieces pieces, int64_t n, int64_t elementBytes);
/// The same piece on its own.
Rows denseRows(Pieces pieces, int64_t elementBytes);
/// Bytes from the tensor's start to its piece `index`.
int64_t pieceOffset(Pieces pieces, int64_t index, int64_t elementBytes);

/// Copies `from.totalBytes()` bytes in order; both blocks have as many, in rows
/// that may differ. They do not overlap.
void copyRows(const std::byte *source, Rows from, std::byte *target, Rows to);

/// Copies `bytes` bytes, from the one at `fromAt` of a block to the one at
/// `toAt` of another, both counted without gaps.
void copyPart(const std::byte *source, Rows from, int64_t fromAt,
              std::byte *target, Rows to, int64_t toAt, int64_t bytes);

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_STRIDEDCOPY_H
