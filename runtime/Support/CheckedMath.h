//===- CheckedMath.h - Integer arithmetic that cannot wrap ------*- C++ -*-===//
//
// For sizes and offsets that come from files: nullopt where the exact result
// does not fit in 64 bits.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_CHECKEDMATH_H
#define FABRIC_RUNTIME_SUPPORT_CHECKEDMATH_H

#include <cstdint>
#include <optional>
#include <span>

namespace fabric {

inline std::optional<int64_t> checkedAdd(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

inline std::optional<int64_t> checkedMul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

/// The product of `factors`, 1 if there are none. A zero does not excuse an
/// overflow of the others: strides, too, are products of sizes.
inline std::optional<int64_t> checkedProduct(std::span<const int64_t> factors) {
  int64_t result = 1;
  bool isZero = false;
  for (int64_t factor : factors)
    if (factor == 0)
      isZero = true;
    else if (__builtin_mul_overflow(result, factor, &result))
      return std::nullopt;
  return isZero ? 0 : result;
}

/// The smallest multiple of `alignment` (positive) that is at least `value`
/// (not negative).
inline std::optional<int64_t> checkedAlign(int64_t value, int64_t alignment) {
  int64_t remainder = value % alignment;
  return remainder == 0 ? value : checkedAdd(value, alignment - remainder);
}

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_CHECKEDMATH_H
