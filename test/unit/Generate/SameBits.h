//===- SameBits.h - Results of two runs, compared ---------------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_GENERATE_SAMEBITS_H
#define FABRIC_TEST_UNIT_GENERATE_SAMEBITS_H

#include "runtime/Executor/Session.h"
#include "gtest/gtest.h"

namespace fabric::test {

/// Outputs of the first step, and parameters.
inline void expectSameBits(const runtime::RunOutputs &expected,
                           const runtime::RunOutputs &actual) {
  auto compare = [](const runtime::NamedTensors &some,
                    const runtime::NamedTensors &others) {
    for (const auto &[name, tensor] : some)
      EXPECT_EQ(tensor.bytes, others.at(name).bytes) << name;
  };
  compare(expected.outputs[0], actual.outputs[0]);
  compare(expected.parameters, actual.parameters);
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_GENERATE_SAMEBITS_H
