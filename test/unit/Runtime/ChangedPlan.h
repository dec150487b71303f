//===- ChangedPlan.h - Valid plans with one thing changed -------*- C++ -*-===//
//
// For tests of rules that define
//
//   Status verifyChanged(const std::function<void(Plan &)> &change);
//
// the verdict on a valid plan of theirs after `change`:
//
//   EXPECT_REFUSED(p.arenas.clear(), "expected ...");
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_CHANGEDPLAN_H
#define FABRIC_TEST_UNIT_RUNTIME_CHANGEDPLAN_H

#include "StatusMatchers.h"

#include "runtime/Plan/Plan.h"

namespace fabric::test {

template <typename Op> Op &opOf(plan::Plan &plan, size_t index) {
  return std::get<Op>(plan.instructions[index].op);
}

} // namespace fabric::test

#define EXPECT_REFUSED(change, message)                                        \
  EXPECT_TRUE(failedWith(verifyChanged([](fabric::plan::Plan &p) { change; }), \
                         message))
#define EXPECT_ACCEPTED(change)                                                \
  EXPECT_TRUE(succeeded(verifyChanged([](fabric::plan::Plan &p) { change; })))

#endif // FABRIC_TEST_UNIT_RUNTIME_CHANGEDPLAN_H
