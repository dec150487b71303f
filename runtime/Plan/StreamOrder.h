//===- StreamOrder.h - What runs after what, in several streams -*- C++ -*-===//
//
// Private to runtime/Plan: the part of verifyPlan that is about streams.
//
// A step begins in all streams after everything before it, and ends after all
// of them. In between, an instruction runs after those before it in its stream,
// and after what its stream has waited for. Whatever touches bytes that another
// instruction writes has to come before or after it by that alone.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_STREAMORDER_H
#define FABRIC_RUNTIME_PLAN_STREAMORDER_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

namespace fabric::plan {

/// That streams and events are what README.md says, and that no two
/// instructions race. Requires that all else is verified.
Status checkStreams(const Plan &plan);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_STREAMORDER_H
