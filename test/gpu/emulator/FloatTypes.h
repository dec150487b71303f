//===- FloatTypes.h - How results are rounded -------------------*- C++ -*-===//

#ifndef FABRIC_TEST_GPU_EMULATOR_FLOATTYPES_H
#define FABRIC_TEST_GPU_EMULATOR_FLOATTYPES_H

#include "runtime/Support/Float.h"
#include "test/gpu/emulator/Meanings.h"

#include <cmath>

namespace fabric::emulator {

template <> inline constexpr Kind kindOf<Float16> = Kind::B16;

/// Two of them, side by side.
template <typename T> struct Pair { T low, high; };

inline double asNumber(double x) { return x; }
inline float asNumber(float x) { return x; }
/// Sums and products of two are exact in f64.
inline double asNumber(Float16 x) { return toFloat(x); }

/// The canonical NaN for what is no number.
template <typename T, typename V> T rounded(V x) {
  if constexpr (std::is_same_v<T, double>)
    return x;
  else if constexpr (std::is_same_v<T, float>)
    return std::isnan(x) ? std::bit_cast<float>(0x7fffffff) : x;
  else
    return std::isnan(x) ? Float16{0x7fff} : convertFloat<Float16>(x);
}

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_FLOATTYPES_H
