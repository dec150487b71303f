//===- Float.h - The 16-bit floating-point formats --------------*- C++ -*-===//
//
// bf16 and f16 as their bits. Conversions round to nearest, ties to even, once:
// also from double. NaN stays NaN (quiet), overflow gives infinity. What is
// constexpr runs on GPUs, too.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_FLOAT_H
#define FABRIC_RUNTIME_SUPPORT_FLOAT_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace fabric {

struct BFloat16 {
  uint16_t bits = 0;
};
struct Float16 {
  uint16_t bits = 0;
};

/// A double as a float rounded to odd: a second rounding to 16 bits then gives
/// the same result as a single one.
inline float roundToOdd(double value) {
  float nearest = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(nearest) == value)
    return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value))
    --bits; // Towards zero; also from infinity to the largest float.
  return std::bit_cast<float>(bits | 1);
}

constexpr BFloat16 toBFloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (value != value)
    return {static_cast<uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

constexpr float toFloat(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

constexpr Float16 toFloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  auto make = [&](uint32_t rest) {
    return Float16{static_cast<uint16_t>(sign | rest)};
  };
  if (magnitude > 0x7f800000)
    return make(0x7e00 | ((magnitude >> 13) & 0x3ff));
  if (magnitude >= 0x47800000) // 2^16 and more.
    return make(0x7c00);
  if (magnitude >= 0x38800000) // Normal; a carry may run into the exponent.
    return make((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >>
                13);
  if (magnitude < 0x33000000) // Below half of the smallest subnormal.
    return make(0);
  // Subnormal: shift the mantissa with its hidden bit, then round.
  uint32_t shift = 126 - (magnitude >> 23);
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  uint32_t result = mantissa >> shift;
  uint32_t rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
  if (rest > half || (rest == half && (result & 1)))
    ++result;
  return make(result);
}

constexpr float toFloat(Float16 value) {
  uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
  uint32_t exponent = (value.bits >> 10) & 0x1f, mantissa = value.bits & 0x3ff;
  if (exponent == 0) {
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t rest = exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23;
  return std::bit_cast<float>(sign | rest | (mantissa << 13));
}

/// `To` from `From`, each of float, double, BFloat16, Float16.
template <typename To, typename From> To convertFloat(From value);

template <> inline double convertFloat<double>(double value) { return value; }
template <> inline float convertFloat<float>(double value) {
  return static_cast<float>(value);
}
template <> inline BFloat16 convertFloat<BFloat16>(double value) {
  return toBFloat16(roundToOdd(value));
}
template <> inline Float16 convertFloat<Float16>(double value) {
  return toFloat16(roundToOdd(value));
}

/// Every format's values are doubles, so that conversions can go through them.
inline double toDouble(double value) { return value; }
inline double toDouble(float value) { return value; }
inline double toDouble(BFloat16 value) { return toFloat(value); }
inline double toDouble(Float16 value) { return toFloat(value); }

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_FLOAT_H
