//===- Scratch.h - What libraries work in -----------------------*- C++ -*-===//
//
// Beside their operands, products on a GPU and collectives between GPUs need
// memory. It is part of the plan: an arena for each stream that needs some. The
// instructions of a stream follow each other, so that one serves all of them.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_SCRATCH_H
#define FABRIC_RUNTIME_PLAN_SCRATCH_H

#include "runtime/Plan/Plan.h"

#include <algorithm>

namespace fabric::plan {

/// Of an arena of scratch: what GPUs' libraries ask for.
inline constexpr int64_t scratchAlignment = 256;

/// What a GPU's product may use.
inline constexpr int64_t productScratchBytes = 32 << 20;

/// What every chunk of a rank's piece is a multiple of: wider than any element.
inline constexpr int64_t chunkStep = 16;

/// Bytes for a collective whose larger side has `bytes`: two halves, for what
/// is sent and what is received, which hold all of it or, where that is much,
/// chunks of it.
constexpr int64_t collectiveScratch(int64_t bytes, int64_t ranks) {
  constexpr int64_t mostOfHalf = 32 << 20;
  int64_t half = std::min(bytes, mostOfHalf) + ranks * chunkStep;
  half = std::max(std::min(half, mostOfHalf), ranks * chunkStep);
  return 2 * ((half + scratchAlignment - 1) / scratchAlignment) *
         scratchAlignment;
}

/// Bytes that an instruction's library works in on the plan's target. 0 where
/// it needs none, or allocates its own.
int64_t scratchOf(const Plan &plan, const Instruction &instruction);

/// Of all arenas that libraries work in.
int64_t scratchBytes(const Plan &plan);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_SCRATCH_H
