//===- CommHarness.h - Where the conformance suite's ranks are --*- C++ -*-===//
//
// One suite, CommConformance.cpp, for every communicator. A harness says which
// world sizes it has and runs a function on every rank of one.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H
#define FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H

#include "runtime/Comm/Communicator.h"

#include <functional>
#include <vector>

namespace fabric::test {

std::vector<int> worldSizes();

/// Runs `body` on every rank of a world of `size`, and returns after all.
void onAllRanks(int size,
                const std::function<void(comm::Communicator &)> &body);

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H
