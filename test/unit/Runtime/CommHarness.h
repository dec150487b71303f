//===- CommHarness.h - Where the conformance suite's ranks are --*- C++ -*-===//
//
// One suite, CommConformance.cpp, for every communicator. A harness says which
// world sizes it has, where buffers are, and runs a function on every rank.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H
#define FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Device/Device.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fabric::test {

/// Where the buffers of collectives are.
struct Place {
  device::Device &device;
  device::Stream &stream;
};

/// Of the calling rank; null: in the host's memory.
const Place *place();

/// Why this machine or build cannot run the suite; nothing where it can.
std::optional<std::string> whyNot();

std::vector<int> worldSizes();

/// Runs `body` on every rank of a world of `size`, and returns after all.
void onAllRanks(int size,
                const std::function<void(comm::Communicator &)> &body);

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_COMMHARNESS_H
