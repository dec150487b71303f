//===- FloatTest.cpp - The 16-bit floating-point formats ------------------===//

#include "runtime/Support/Float.h"

#include <gtest/gtest.h>

#include <limits>

using namespace fabric;

TEST(Float, KnownValues) {
  EXPECT_EQ(toFloat16(1.0f).bits, 0x3c00);
  EXPECT_EQ(toFloat16(-2.0f).bits, 0xc000);
  EXPECT_EQ(toFloat16(65504.0f).bits, 0x7bff);
  EXPECT_EQ(toFloat16(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(toFloat16(0x1p-14f).bits, 0x0400);
  EXPECT_EQ(toFloat(Float16{0x3555}), 0x1.554p-2f);
  EXPECT_EQ(toBFloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(toBFloat16(-3.0f).bits, 0xc040);
  EXPECT_EQ(toFloat(BFloat16{0x4049}), 3.140625f);
}

TEST(Float, OverflowInfinityAndNaN) {
  float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(toFloat16(infinity).bits, 0x7c00);
  EXPECT_EQ(toFloat16(65519.996f).bits, 0x7bff);
  EXPECT_EQ(toFloat16(65520.0f).bits, 0x7c00); // A tie goes to even: up.
  EXPECT_EQ(toFloat16(-1e30f).bits, 0xfc00);
  EXPECT_EQ(toBFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(convertFloat<Float16>(1e300).bits, 0x7c00);
  EXPECT_EQ(convertFloat<BFloat16>(-1e300).bits, 0xff80);
  float nan = std::bit_cast<float>(0x7f800001); // Its payload is cut off.
  EXPECT_TRUE(std::isnan(toFloat(toFloat16(nan))));
  EXPECT_TRUE(std::isnan(toFloat(toBFloat16(nan))));
  EXPECT_TRUE(std::isnan(toFloat(convertFloat<Float16>(std::nan("")))));
}

/// For all neighbours a < b of a format: a, everything up to the middle and
/// (if a is even) the middle itself become a, the rest b.
template <typename Format> static void checkRounding(uint16_t largest) {
  for (uint32_t bits = 0; bits < largest; ++bits) {
    Format low{uint16_t(bits)}, high{uint16_t(bits + 1)};
    double a = toDouble(low), b = toDouble(high), middle = a + (b - a) / 2;
    auto round = [](double value) { return convertFloat<Format>(value).bits; };
    ASSERT_EQ(round(a), bits);
    ASSERT_EQ(round(-a), bits | 0x8000);
    ASSERT_EQ(round(std::nextafter(middle, a)), bits);
    ASSERT_EQ(round(std::nextafter(middle, b)), bits + 1);
    ASSERT_EQ(round(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(round(-middle), (bits % 2 == 0 ? bits : bits + 1) | 0x8000);
  }
}

TEST(Float, RoundsToNearestEvenOnce) {
  checkRounding<Float16>(0x7bff);
  checkRounding<BFloat16>(0x7f7f);
}
