//===- PlanVerifier.h - What must hold in every plan ------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_PLAN_PLANVERIFIER_H
#define FABRIC_RUNTIME_PLAN_PLANVERIFIER_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <cstddef>
#include <cstdint>

namespace fabric::plan {

/// Bytes of all arenas of a rank, at most.
inline constexpr int64_t maxArenaBytes = int64_t(1) << 48;

/// Bytes of an output's name, at most: it becomes the name of a file.
inline constexpr size_t maxOutputName = 200;

/// Streams of a plan, at most: what a device runs side by side anyway.
inline constexpr size_t maxStreams = 8;

/// The first violation of README.md's list "what must hold", as one line:
/// "<what>, expected X, found Y". Never crashes, whatever is in `plan`.
Status verifyPlan(const Plan &plan);

/// That of one instruction by itself, for whoever can say where it comes from.
/// Reads the plan's target, mesh, buffers and sections, which must hold.
Status verifyInstruction(const Plan &plan, const Instruction &instruction);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLANVERIFIER_H
