//===- PlanPrinter.h - A plan for people ------------------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_PLAN_PLANPRINTER_H
#define FABRIC_RUNTIME_PLAN_PLANPRINTER_H

#include "runtime/Plan/Plan.h"

#include <string>

namespace fabric::plan {

/// The manifest as text: mesh, memory, interface, then one line an instruction.
/// For `fabric-run --describe`; not meant to be parsed.
std::string describePlan(const Plan &plan);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLANPRINTER_H
