//===- PlanReader.h - compiled.bin to a verified plan -----------*- C++ -*-===//
//
// Nothing in the file is trusted: magic, version, sizes, the SHA-256, every
// offset, enum, name, index and shape is checked before it is used. What comes
// back has passed verifyPlan, so that its users need no checks of their own.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_PLANREADER_H
#define FABRIC_RUNTIME_PLAN_PLANREADER_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fabric::plan {

/// Bytes of a plan file, at most.
inline constexpr int64_t maxPlanBytes = int64_t(1) << 34;

/// `file` names the origin of `bytes` in errors, which are one line:
/// "<file>: <what>, expected X, found Y".
Expected<Plan> readPlan(std::span<const std::byte> bytes,
                        const std::string &file);

Expected<Plan> readPlanFile(const std::string &path);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLANREADER_H
