//===- CommOnGpu.h - Where the suite's buffers are, on GPUs -----*- C++ -*-===//
//
// Defines place() and whyNot() of CommHarness.h.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_COMMONGPU_H
#define FABRIC_TEST_UNIT_RUNTIME_COMMONGPU_H

#include "CommHarness.h"

namespace fabric::test {

/// Runs `body` in the calling thread, with its buffers on `device` and a stream
/// of its own.
void onGpu(device::Device &device,
           const std::function<void(device::Stream &)> &body);

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_COMMONGPU_H
