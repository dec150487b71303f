//===- LentInputs.h - Which inputs of collectives peers may keep *- C++ -*-===//
//
// A rank that has gathered from its peers goes on before they have gathered
// from it, if nothing it does until it meets them again writes what they read.
// The plan says so.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_LENTINPUTS_H
#define FABRIC_RUNTIME_PLAN_LENTINPUTS_H

#include "runtime/Plan/Plan.h"

namespace fabric::plan {

/// For every instruction, run in the plan's order, whether it is a collective
/// whose input nothing writes before another meeting of all of its group in the
/// same step. Requires a verified plan.
std::vector<bool> findLentInputs(const Plan &plan);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_LENTINPUTS_H
