//===- PtxInstructionsTest.cpp - What instructions make of operands -------===//
//
// Expected values are from the manual's text, or exact by hand.
//
//===----------------------------------------------------------------------===//

#include "PtxHarness.h"

#include <cmath>
#include <limits>

using namespace fabric;
using namespace fabric::test;

namespace {

using i16 = int16_t;
using u16 = uint16_t;
using i32 = int32_t;
using u32 = uint32_t;
using i64 = int64_t;
using u64 = uint64_t;

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan32 = std::bit_cast<float>(0xffc12345);
constexpr u32 canonicalNan = 0x7fffffff;

TEST(PtxIntegers, SumsAndProductsWrapAround) {
  EXPECT_EQ((evaluate<i32>("add.s32", i32(0x7fffffff), i32(1))),
            -0x7fffffff - 1);
  EXPECT_EQ((evaluate<i64>("add.s64", i64(-3), i64(5))), 2);
  EXPECT_EQ((evaluate<u16>("sub.s16", u16(1), u16(2))), 0xffff);
  EXPECT_EQ((evaluate<u64>("sub.s64", u64(1), u64(2))), ~u64(0));
  EXPECT_EQ((evaluate<i16>("mul.lo.s16", i16(-300), i16(300))),
            i16(-90000 + 65536));
  EXPECT_EQ((evaluate<u16>("mul.hi.u16", u16(0xffff), u16(0xffff))), 0xfffe);
  EXPECT_EQ((evaluate<u64>("mul.hi.u64", ~u64(0), u64(6))), 5u);
  EXPECT_EQ((evaluate<i64>("mul.hi.s64", i64(-1), i64(6))), -1);
  EXPECT_EQ((evaluate<u64>("mul.wide.u32", u32(0xffffffff), u32(0xffffffff))),
            0xfffffffe'00000001u);
  EXPECT_EQ((evaluate<i64>("mul.wide.s32", i32(-2), i32(0x40000000))),
            -0x80000000ll);
  EXPECT_EQ((evaluate<u32>("mul.wide.u16", u16(0xffff), u16(2))), 0x1fffeu);
  EXPECT_EQ((evaluate<i64>("mad.lo.s64", i64(-7), i64(6), i64(2))), -40);
  EXPECT_EQ((evaluate<u64>("min.u64", ~u64(0), u64(5))), 5u);
  EXPECT_EQ((evaluate<i32>("min.s32", i32(-1), i32(5))), -1);
}

TEST(PtxIntegers, ShiftsAreByAtMostTheWidth) {
  EXPECT_EQ((evaluate<u32>("shl.b32", u32(3), u32(31))), 0x80000000u);
  EXPECT_EQ((evaluate<u32>("shl.b32", u32(3), u32(32))), 0u);
  EXPECT_EQ((evaluate<u16>("shl.b16", u16(0xffff), u32(8))), 0xff00);
  EXPECT_EQ((evaluate<u64>("shl.b64", u64(1), u32(63))), u64(1) << 63);
  EXPECT_EQ((evaluate<u64>("shl.b64", u64(1), u32(0x80000000))), 0u);
  EXPECT_EQ((evaluate<u32>("shr.u32", u32(0x80000000), u32(31))), 1u);
  EXPECT_EQ((evaluate<u32>("shr.u32", ~u32(0), u32(33))), 0u);
  EXPECT_EQ((evaluate<i32>("shr.s32", i32(-8), u32(1))), -4);
  EXPECT_EQ((evaluate<i32>("shr.s32", i32(-8), u32(99))), -1);
  EXPECT_EQ((evaluate<i32>("shr.s32", i32(8), u32(99))), 0);
  EXPECT_EQ((evaluate<u16>("shr.u16", u16(0x8000), u32(15))), 1);
}

TEST(PtxIntegers, BitsAndBytes) {
  EXPECT_EQ((evaluate<u32>("and.b32", u32(0xff00ff), u32(0x0ffff0))),
            0x0f00f0u);
  EXPECT_EQ((evaluate<u64>("or.b64", u64(1) << 40, u64(2))),
            (u64(1) << 40) + 2);
  EXPECT_EQ((evaluate<u16>("xor.b16", u16(0xff), u16(0xf0f))), 0xff0);
  EXPECT_EQ((evaluate<u32>("not.b32", u32(1))), 0xfffffffeu);
  // Bytes 0 to 3 are those of a, 4 to 7 those of b.
  EXPECT_EQ((evaluate<u32>("prmt.b32", u32(0x33221100), u32(0x77665544),
                           u32(0x7632))),
            0x77663322u);
  EXPECT_EQ((evaluate<u32>("prmt.b32", u32(0x33228100), u32(0x77665544),
                           u32(0x8941))),
            0x00ff4481u);
  EXPECT_EQ((evaluate<u32>("bfe.u32", u32(0xabcd1234), u32(16), u32(1))), 1u);
  EXPECT_EQ((evaluate<u32>("bfe.u32", u32(0xabcd1234), u32(4), u32(8))), 0x23u);
  EXPECT_EQ((evaluate<u32>("bfe.u32", u32(0xabcd1234), u32(28), u32(32))),
            0xau);
  EXPECT_EQ((evaluate<u32>("bfe.u32", u32(0xabcd1234), u32(32), u32(4))), 0u);
  EXPECT_EQ((evaluate<u64>("bfe.u64", u64(0xabcd) << 40, u32(44), u32(8))),
            0xbcu);
}

TEST(PtxIntegers, ComparisonsKnowSigns) {
  EXPECT_TRUE((evaluate<bool>("setp.gt.u32", ~u32(0), u32(1))));
  EXPECT_FALSE((evaluate<bool>("setp.gt.s32", ~u32(0), u32(1))));
  EXPECT_TRUE((evaluate<bool>("setp.lt.u64", u64(1), ~u64(0))));
  EXPECT_TRUE((evaluate<bool>("setp.eq.b16", u16(7), u16(7))));
  EXPECT_FALSE((evaluate<bool>("setp.ne.b64", u64(7), u64(7))));
  EXPECT_TRUE((evaluate<bool>("or.pred", false, true)));
  EXPECT_FALSE((evaluate<bool>("and.pred", false, true)));
  EXPECT_FALSE((evaluate<bool>("not.pred", true)));
  EXPECT_TRUE((evaluate<bool>("xor.pred", false, true)));
  EXPECT_EQ((evaluate<u32>("selp.b32", u32(1), u32(2), true)), 1u);
  EXPECT_EQ((evaluate<float>("selp.f32", 1.0f, 2.0f, false)), 2.0f);
}

TEST(PtxFloats, AreRoundedToNearestEven) {
  // Half of the last place, up to even and down to even.
  EXPECT_EQ((evaluate<float>("add.rn.f32", 1.0f, 0x1p-24f)), 1.0f);
  EXPECT_EQ((evaluate<float>("add.rn.f32", 1.0f + 0x1p-23f, 0x1p-24f)),
            1.0f + 0x1p-22f);
  EXPECT_EQ((evaluate<double>("sub.rn.f64", 1.0, 0x1p-54)), 1.0);
  EXPECT_EQ((evaluate<u32>("div.rn.f32", 1.0f, 3.0f)), 0x3eaaaaabu);
  EXPECT_EQ((evaluate<u32>("rcp.rn.f32", 3.0f)), 0x3eaaaaabu);
  EXPECT_EQ((evaluate<u32>("sqrt.rn.f32", 2.0f)), 0x3fb504f3u);
  EXPECT_EQ((evaluate<u64>("sqrt.rn.f64", 2.0)), 0x3ff6a09e667f3bcdu);
  EXPECT_EQ((evaluate<u64>("div.rn.f64", 1.0, 3.0)), 0x3fd5555555555555u);
  EXPECT_EQ((evaluate<float>("rcp.rn.f32", -0.0f)), -inf);
}

TEST(PtxFloats, FmaIsRoundedOnce) {
  float a = 1.0f + 0x1p-12f;
  EXPECT_EQ((evaluate<float>("fma.rn.f32", a, a, -1.0f)), 0x1p-11f + 0x1p-24f);
  double b = 1.0 + 0x1p-30;
  EXPECT_EQ((evaluate<double>("fma.rn.f64", b, b, -1.0)), 0x1p-29 + 0x1p-60);
}

TEST(PtxFloats, SubnormalNumbersStay) {
  EXPECT_EQ((evaluate<float>("mul.rn.f32", 0x1p-100f, 0x1p-40f)), 0x1p-140f);
  EXPECT_EQ((evaluate<float>("add.rn.f32", 0x1p-149f, 0x1p-149f)), 0x1p-148f);
  EXPECT_EQ((evaluate<float>("cvt.rn.f32.f64", 0x1p-149)), 0x1p-149f);
  EXPECT_EQ((evaluate<double>("cvt.f64.f32", 0x1p-149f)), 0x1p-149);
}

TEST(PtxFloats, WhatIsNoNumber) {
  EXPECT_EQ((evaluate<u32>("add.rn.f32", nan32, 1.0f)), canonicalNan);
  EXPECT_EQ((evaluate<u32>("mul.rn.f32", inf, 0.0f)), canonicalNan);
  EXPECT_EQ((evaluate<u32>("fma.rn.f32", inf, 0.0f, nan32)), canonicalNan);
  EXPECT_TRUE(std::isnan(
      evaluate<double>("sub.rn.f64", INFINITY * 1.0, INFINITY * 1.0)));
  // min and max take the number, if there is one.
  EXPECT_EQ((evaluate<float>("max.f32", nan32, -3.0f)), -3.0f);
  EXPECT_EQ((evaluate<float>("min.f32", -3.0f, nan32)), -3.0f);
  EXPECT_EQ((evaluate<u32>("max.f32", nan32, nan32)), canonicalNan);
  EXPECT_EQ((evaluate<u32>("max.NaN.f32", nan32, -3.0f)), canonicalNan);
  EXPECT_EQ((evaluate<u32>("min.NaN.f32", -3.0f, nan32)), canonicalNan);
  EXPECT_EQ((evaluate<double>("max.f64", std::nan(""), 2.0)), 2.0);
  // Zeros have an order.
  EXPECT_EQ((evaluate<u32>("max.f32", -0.0f, 0.0f)), 0u);
  EXPECT_EQ((evaluate<u32>("min.f32", 0.0f, -0.0f)), 0x80000000u);
  EXPECT_EQ((evaluate<u32>("min.NaN.f32", -0.0f, 0.0f)), 0x80000000u);
  EXPECT_EQ((evaluate<float>("max.NaN.f32", 5.0f, 7.0f)), 7.0f);
}

TEST(PtxFloats, ComparisonsOfWhatIsNoNumber) {
  for (const char *ordered : {"eq", "ne", "lt", "le", "gt", "ge", "num"})
    EXPECT_FALSE(
        (evaluate<bool>("setp." + std::string(ordered) + ".f32", nan32, 1.0f)))
        << ordered;
  for (const char *unordered :
       {"equ", "neu", "ltu", "leu", "gtu", "geu", "nan"})
    EXPECT_TRUE((
        evaluate<bool>("setp." + std::string(unordered) + ".f32", 1.0f, nan32)))
        << unordered;
  // With numbers: below, equal, above.
  auto expect = [](const char *how, bool below, bool equal, bool above) {
    std::string name = std::string("setp.") + how + ".f64";
    EXPECT_EQ((evaluate<bool>(name, 1.0, 2.0)), below) << how;
    EXPECT_EQ((evaluate<bool>(name, 2.0, 2.0)), equal) << how;
    EXPECT_EQ((evaluate<bool>(name, 3.0, 2.0)), above) << how;
  };
  for (std::string or_ : {"", "u"}) {
    expect(("eq" + or_).c_str(), false, true, false);
    expect(("ne" + or_).c_str(), true, false, true);
    expect(("lt" + or_).c_str(), true, false, false);
    expect(("le" + or_).c_str(), true, true, false);
    expect(("gt" + or_).c_str(), false, false, true);
    expect(("ge" + or_).c_str(), false, true, true);
  }
  expect("num", true, true, true);
  expect("nan", false, false, false);
}

TEST(PtxFloats, Signs) {
  EXPECT_EQ((evaluate<u32>("neg.f32", 0.0f)), 0x80000000u);
  EXPECT_EQ((evaluate<double>("neg.f64", 2.5)), -2.5);
  EXPECT_EQ((evaluate<float>("abs.f32", -2.5f)), 2.5f);
  EXPECT_EQ((evaluate<double>("abs.f64", -0.5)), 0.5);
  // The sign is the first operand's.
  EXPECT_EQ((evaluate<float>("copysign.f32", -1.0f, 7.0f)), -7.0f);
  EXPECT_EQ((evaluate<double>("copysign.f64", 1.0, -7.0)), 7.0);
}

// 1 is 3c00, the last place of it 2^-10, the largest number 7bff = 65504.
TEST(PtxFloats, Halves) {
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", 1.0f + 0x1p-11f)), 0x3c00);
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", 1.0f + 0x3p-11f)), 0x3c02);
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", 65519.0f)), 0x7bff);
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", 65520.0f)), 0x7c00);
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", -0x1p-24f)), 0x8001);
  EXPECT_EQ((evaluate<u16>("cvt.rn.f16.f32", nan32)), 0x7fff);
  EXPECT_EQ((evaluate<float>("cvt.f32.f16", u16(0x7bff))), 65504.0f);
  EXPECT_EQ((evaluate<double>("cvt.f64.f16", u16(0x0001))), 0x1p-24);
  // The first of two is the upper half.
  EXPECT_EQ((evaluate<u32>("cvt.rn.f16x2.f32", 1.0f, -2.0f)), 0x3c00c000u);
  EXPECT_EQ((evaluate<u16>("add.rn.f16", u16(0x3c00), u16(0x1000))), 0x3c00);
  EXPECT_EQ((evaluate<u16>("mul.rn.f16", u16(0x7bff), u16(0x4000))), 0x7c00);
  EXPECT_EQ((evaluate<u32>("mul.rn.f16x2", 0x40003c00u, 0xc0004200u)),
            0xc4004200u);
  EXPECT_EQ((evaluate<u32>("sub.rn.f16x2", 0x40003c00u, 0x3c003c00u)),
            0x3c000000u);
  EXPECT_EQ((evaluate<u32>("neg.f16x2", 0x40008000u)), 0xc0000000u);
  EXPECT_EQ((evaluate<u32>("abs.f16x2", 0xc0008000u)), 0x40000000u);
  EXPECT_EQ((evaluate<u32>("max.NaN.f16x2", 0x7c013c00u, 0x40004000u)),
            0x7fff4000u);
  EXPECT_TRUE((evaluate<bool>("setp.gt.f16", u16(0x3c00), u16(0xc000))));
  EXPECT_TRUE((evaluate<bool>("setp.ltu.f16", u16(0x7e00), u16(0xc000))));
}

// The first predicate is of the lower halves: 1 > -2, and NaN > 2.
TEST(PtxFloats, ComparisonsOfTwoHalves) {
  std::vector<u32> a = {0x7e003c00, 0x4000c000}, b(1);
  EXPECT_TRUE(succeeded(runOn("ld.global.v2.b32 {%r1, %r2}, [%a];"
                              "setp.gt.f16x2 %p1|%p2, %r1, %r2;"
                              "selp.b32 %r1, 1, 0, %p1;"
                              "@%p2 add.s32 %r1, %r1, 2;"
                              "st.global.b32 [%b], %r1;",
                              oneThread, a, b)));
  EXPECT_EQ(b[0], 1u);
}

TEST(PtxFloats, Pairs) {
  auto pair = [](float low, float high) {
    return std::bit_cast<u64>(std::array{low, high});
  };
  EXPECT_EQ((evaluate<u64>("add.rn.f32x2", pair(1, 2), pair(10, 20))),
            pair(11, 22));
  EXPECT_EQ(
      (evaluate<u64>("fma.rn.f32x2", pair(1, 2), pair(10, 20), pair(100, 200))),
      pair(110, 240));
}

TEST(PtxConversions, OfWholeNumbers) {
  EXPECT_EQ((evaluate<u64>("cvt.u64.u32", u32(0xffffffff))), 0xffffffffu);
  EXPECT_EQ((evaluate<u32>("cvt.u32.u64", u64(0x1'00000002))), 2u);
  EXPECT_EQ((evaluate<i64>("cvt.s64.s32", i32(-7))), -7);
  EXPECT_EQ((evaluate<u64>("cvt.u64.s32", i32(-7))), ~u64(6));
  EXPECT_EQ((evaluate<u32>("cvt.u32.s16", i16(-1))), 0xffffffffu);
  EXPECT_EQ((evaluate<u16>("cvt.u16.u64", u64(0x123456789a))), 0x789a);
  EXPECT_EQ((evaluate<i16>("cvt.s8.s32", i32(0x1280))), -128);
  EXPECT_EQ((evaluate<float>("cvt.rn.f32.s16", i16(-128))), -128.0f);
  EXPECT_EQ((evaluate<u16>("cvt.u16.u32", u32(0x12345678))), 0x5678);
  EXPECT_EQ((evaluate<u32>("cvt.u32.u16", u16(0xffff))), 0xffffu);
  // Half of the last place of 2^24.
  EXPECT_EQ((evaluate<float>("cvt.rn.f32.s32", i32(-((1 << 24) + 1)))),
            -0x1p24f);
  EXPECT_EQ((evaluate<double>("cvt.rn.f64.s64", i64(-5))), -5.0);
}

TEST(PtxMoves, PartsOfARegister) {
  std::vector<u32> a = {0x11112222, 0x33334444}, b(4);
  EXPECT_TRUE(succeeded(runOn("ld.global.b64 %d1, [%a];"
                              "mov.b64 {_, %r1}, %d1;"
                              "mov.b32 {%h1, %h2}, %r1;"
                              "mov.b32 %r2, {%h2, %h1};"
                              "mov.b64 %d2, {%r2, %r1};"
                              "st.global.b64 [%b], %d2;"
                              "st.global.b16 [%b+10], %r1;",
                              oneThread, a, b)));
  EXPECT_EQ(b, (std::vector<u32>{0x44443333, 0x33334444, 0x44440000, 0}));
}

TEST(PtxMoves, Vectors) {
  std::vector<float> a = {1, 2, 3, 4}, b(4);
  EXPECT_TRUE(succeeded(runOn("ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%a];"
                              "st.global.v2.b32 [%b+8], {%r1, %r2};"
                              "st.global.v2.b32 [%b], {%r4, 0f3F800000};",
                              oneThread, a, b)));
  EXPECT_EQ(b, (std::vector<float>{4, 1, 1, 2}));
}

TEST(PtxMoves, PredicatesFromNumbers) {
  std::vector<u32> a(1), b(2);
  EXPECT_TRUE(succeeded(runOn("mov.pred %p1, -1; mov.pred %p2, 0;"
                              "@%p1 st.global.b32 [%b], 7;"
                              "@%p2 st.global.b32 [%b+4], 7;",
                              oneThread, a, b)));
  EXPECT_EQ(b, (std::vector<u32>{7, 0}));
}

TEST(PtxMoves, OfLessThanARegister) {
  std::vector<u16> a = {0x1234, 0xfedc}, b(4);
  EXPECT_TRUE(succeeded(runOn("mov.b32 %r1, -1; mov.b64 %d1, -1;"
                              "ld.global.b16 %r1, [%a+2];"
                              "ld.global.b16 %d1, [%a];"
                              "cvt.u64.u32 %d2, %r1; shl.b64 %d2, %d2, 16;"
                              "or.b64 %d1, %d1, %d2; st.global.b64 [%b], %d1;",
                              oneThread, a, b)));
  EXPECT_EQ(b, (std::vector<u16>{0x1234, 0xfedc, 0, 0}));
}

TEST(PtxMoves, SignedBytes) {
  std::vector<int8_t> a = {127, -2};
  std::vector<i16> b(2);
  EXPECT_TRUE(succeeded(runOn("ld.global.s8 %h1, [%a+1];"
                              "ld.global.s8 %h2, [%a];"
                              "st.global.b16 [%b], %h1;"
                              "st.global.b8 [%b+2], %h2;",
                              oneThread, a, b)));
  EXPECT_EQ(b, (std::vector<i16>{-2, 127}));
}

TEST(PtxMoves, Literals) {
  std::vector<u64> a(1), b(4);
  EXPECT_TRUE(succeeded(runOn("mov.b32 %r1, -1; cvt.u64.u32 %d1, %r1;"
                              "st.global.b64 [%b], %d1;"
                              "mov.b64 %d1, 0dBFF0000000000000;"
                              "st.global.b64 [%b+8], %d1;"
                              "add.s64 %d1, %a, 0; sub.s64 %d1, %d1, %a;"
                              "add.s64 %d1, %d1, -4843621399236966402;"
                              "st.global.b64 [%b+16], %d1;"
                              "mov.b16 %h1, 0x7FC0; cvt.u64.u16 %d1, %h1;"
                              "st.global.b64 [%b+24], %d1;",
                              oneThread, a, b)));
  EXPECT_EQ(b,
            (std::vector<u64>{0xffffffff, 0xbff0000000000000,
                              static_cast<u64>(-4843621399236966402), 0x7fc0}));
}

} // namespace
