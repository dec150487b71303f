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
  if (from.totalBytes() == 0)
    return;
  if (from.bytes == to.bytes) {
    for (int64_t row = 0; row < from.count; ++row)
      std::memcpy(target + row * to.stride, source + row * from.stride,
                  from.bytes);
    return;
  }
  // Two cursors, each wrapping at the end of its own row.
  int64_t left = from.totalBytes(), sourceAt = 0, targetAt = 0;
  while (left > 0) {
    int64_t chunk = std::min(from.bytes - sourceAt, to.bytes - targetAt);
    std::memcpy(target + targetAt, source + sourceAt, chunk);
    left -= chunk;
    sourceAt += chunk;
    targetAt += chunk;
    if (sourceAt == from.bytes) {
      source += from.stride;
      sourceAt = 0;
    }
    if (targetAt == to.bytes) {
      target += to.stride;
      targetAt = 0;
    }
  }
}

void copyOut(const std::byte *source, Rows from, int64_t offset, int64_t bytes,
             std::byte *target) {
  while (bytes > 0) {
    int64_t row = offset / from.bytes, at = offset % from.bytes;
    int64_t chunk = std::min(bytes, from.bytes - at);
    std::memcpy(target, source + row * from.stride + at, chunk);
    target += chunk;
    offset += chunk;
    bytes -= chunk;
  }
}

} // namespace fabric::comm
