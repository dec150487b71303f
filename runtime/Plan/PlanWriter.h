//===- PlanWriter.h - A plan to the bytes of compiled.bin -------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_PLAN_PLANWRITER_H
#define FABRIC_RUNTIME_PLAN_PLANWRITER_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <cstddef>
#include <string>
#include <vector>

namespace fabric::plan {

/// The bytes of the plan file (README.md). Verifies the plan first, so that
/// nothing is written that the reader refuses. The same plan, the same bytes.
Expected<std::vector<std::byte>> writePlan(const Plan &plan);

/// Writes those bytes to `path`, atomically.
Status writePlanFile(const Plan &plan, const std::string &path);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLANWRITER_H
