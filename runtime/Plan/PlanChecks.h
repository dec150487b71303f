//===- PlanChecks.h - What the checks of a plan share -----------*- C++ -*-===//
//
// Private to runtime/Plan: verifyPlan by parts, and what these share. Each part
// requires that those before it hold.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_PLANCHECKS_H
#define FABRIC_RUNTIME_PLAN_PLANCHECKS_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <set>
#include <string>

namespace fabric::plan {

/// Parameters, states, inputs, outputs, scalars and constants. Requires checked
/// buffers and a checked mesh.
Status checkInterface(const Plan &plan);

/// Every instruction by itself. Requires checked buffers and a checked mesh.
Status checkInstructions(const Plan &plan);

/// At most as many dims as a tensor has, none empty, less than 2^63 bytes.
Status checkShape(const Shape &shape, DType dtype);

/// A buffer of the plan.
Status checkBufferId(const Plan &plan, BufferId id);

bool isFloat(DType dtype);

/// "kind 'name'": the context of a failure.
std::string named(const char *kind, const std::string &name);

inline const Buffer &bufferOf(const Plan &plan, BufferId id) {
  return plan.buffers[static_cast<size_t>(id)];
}

/// Names that must be distinct and not empty.
class NameSet {
public:
  explicit NameSet(const char *kind) : kind(kind) {}
  Status add(const std::string &name);

private:
  const char *kind;
  std::set<std::string> names;
};

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLANCHECKS_H
