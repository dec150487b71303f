//===- StatusMatchers.h - Expectations on Status and Expected ---*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_STATUSMATCHERS_H
#define FABRIC_TEST_UNIT_RUNTIME_STATUSMATCHERS_H

#include "runtime/Support/Status.h"

#include <gtest/gtest.h>

namespace fabric::test {

inline testing::AssertionResult succeeded(const Status &status) {
  if (status.ok())
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << status.message();
}

template <typename T>
testing::AssertionResult succeeded(const Expected<T> &value) {
  return value.ok() ? testing::AssertionSuccess() : succeeded(value.status());
}

/// Failed, with one line that has `part` in it.
inline testing::AssertionResult failedWith(const Status &status,
                                           const std::string &part) {
  if (status.ok())
    return testing::AssertionFailure() << "succeeded, expected: " << part;
  const std::string &text = status.message();
  if (text.find(part) == std::string::npos)
    return testing::AssertionFailure()
           << "message: " << text << "\nexpected: " << part;
  if (text.find('\n') != std::string::npos)
    return testing::AssertionFailure() << "more than one line: " << text;
  return testing::AssertionSuccess();
}

template <typename T>
testing::AssertionResult failedWith(const Expected<T> &value,
                                    const std::string &part) {
  return failedWith(value.ok() ? Status::success() : value.status(), part);
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_STATUSMATCHERS_H
