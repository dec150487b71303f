//===- ReduceElement.h - One element of a reduction -------------*- C++ -*-===//
//
// What Reduce.h says of an element: how it is read, combined and written. The
// host and the GPUs compile these same functions.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_REDUCEELEMENT_H
#define FABRIC_RUNTIME_COMM_REDUCEELEMENT_H

#include "runtime/Support/Float.h"

#include <type_traits>

namespace fabric::comm {

/// How an element is stored and in which type it is accumulated.
template <typename T> struct Element {
  using Accumulator = T;
  static constexpr T load(T value) { return value; }
  static constexpr T store(T value) { return value; }
};
template <> struct Element<BFloat16> {
  using Accumulator = float;
  static constexpr float load(BFloat16 value) { return toFloat(value); }
  static constexpr BFloat16 store(float value) { return toBFloat16(value); }
};
template <> struct Element<Float16> {
  using Accumulator = float;
  static constexpr float load(Float16 value) { return toFloat(value); }
  static constexpr Float16 store(float value) { return toFloat16(value); }
};

struct Sum {
  template <typename T> static constexpr T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    } else {
      return a + b;
    }
  }
};
struct Max {
  template <typename T> static constexpr T apply(T a, T b) {
    return (a > b || a != a) ? a : b;
  }
};
struct Min {
  template <typename T> static constexpr T apply(T a, T b) {
    return (a < b || a != a) ? a : b;
  }
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_REDUCEELEMENT_H
