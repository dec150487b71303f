//===- StridedCopy.cpp - Copies between strided blocks --------------------===//

#include "runtime/Comm/StridedCopy.h"

#include <algorithm>
#include <cstring>

namespace fabric::comm {

Rows rowsOf(Pieces pieces, int64_t n, int64_t elementBytes) {
  int64_t bytes = pieces.row * elementBytes;
  return {pieces.outer, bytes, n * bytes};
}

Rows denseRows(Pieces pieces, int64_t elementBytes) {
  return {1, pieces.count() * elementBytes, 0};
}

int64_t pieceOffset(Pieces pieces, int64_t index, int64_t elementBytes) {
  return index * pieces.row * elementBytes;
}

void copyRows(const std::byte *source, Rows from, std::byte *target, Rows to) {
  copyPart(source, from, 0, target, to, 0, from.totalBytes());
}

void copyPart(const std::byte *source, Rows from, int64_t fromAt,
              std::byte *target, Rows to, int64_t toAt, int64_t bytes) {
  if (bytes == 0)
    return;
  // Two cursors, each wrapping at the end of its own row.
  source += fromAt / from.bytes * from.stride;
  target += toAt / to.bytes * to.stride;
  fromAt %= from.bytes;
  toAt %= to.bytes;
  while (bytes > 0) {
    int64_t chunk = std::min({bytes, from.bytes - fromAt, to.bytes - toAt});
    std::memcpy(target + toAt, source + fromAt, chunk);
    bytes -= chunk;
    fromAt += chunk;
    toAt += chunk;
    if (fromAt == from.bytes) {
      source += from.stride;
      fromAt = 0;
    }
    if (toAt == to.bytes) {
      target += to.stride;
      toAt = 0;
    }
  }
}

} // namespace fabric::comm
