//===- Floats.cpp - Floating-point arithmetic -----------------------------===//
//
// IEEE's, rounded to nearest even, with subnormal numbers. Results of f32 and
// f16 that are no numbers are the canonical NaN; of f64, and of neg, abs and
// copysign, which the manual leaves open, a NaN of some payload. Arithmetic
// without .rn is not known: an assembler may fuse it. Nor are approximations.
//
//===----------------------------------------------------------------------===//

#include "test/gpu/emulator/FloatTypes.h"

#include <cmath>

namespace fabric::emulator {
namespace {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

template <typename T> struct Traits;
template <> struct Traits<float> {
  static constexpr const char *name = "f32", *pair = "f32x2";
  static constexpr Kind pairKind = Kind::B64;
};
template <> struct Traits<double> {
  static constexpr const char *name = "f64";
};
template <> struct Traits<Float16> {
  static constexpr const char *name = "f16", *pair = "f16x2";
  static constexpr Kind pairKind = Kind::B32;
};

template <typename T> T withSignOf(T sign, T x) {
  using Bits = BitsOf<sizeof(T)>;
  constexpr Bits top = Bits(1) << (8 * sizeof(T) - 1);
  return std::bit_cast<T>(static_cast<Bits>((std::bit_cast<Bits>(x) & ~top) |
                                            (std::bit_cast<Bits>(sign) & top)));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

template <typename T> T add(T a, T b) {
  return rounded<T>(asNumber(a) + asNumber(b));
}
template <typename T> T sub(T a, T b) {
  return rounded<T>(asNumber(a) - asNumber(b));
}
template <typename T> T mul(T a, T b) {
  return rounded<T>(asNumber(a) * asNumber(b));
}
template <typename T> T div(T a, T b) {
  return rounded<T>(asNumber(a) / asNumber(b));
}
template <typename T> T fma(T a, T b, T c) {
  return rounded<T>(std::fma(a, b, c));
}
template <typename T> T rcp(T a) { return rounded<T>(1 / a); }
template <typename T> T sqrt(T a) { return rounded<T>(std::sqrt(a)); }
template <typename T> T neg(T a) {
  using Bits = BitsOf<sizeof(T)>;
  return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(a) ^
                                            Bits(1) << (8 * sizeof(T) - 1)));
}
template <typename T> T abs(T a) { return withSignOf(T{}, a); }

/// What is a number, if only one is; -0 is below +0.
template <typename T, bool isMax> T extreme(T a, T b) {
  auto x = asNumber(a), y = asNumber(b);
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(y) ? rounded<T>(x) : b;
  bool isBelow = x < y || (x == y && std::signbit(x) && !std::signbit(y));
  return isBelow == isMax ? b : a;
}
/// NaN, if one is.
template <typename T, bool isMax> T extremeOrNan(T a, T b) {
  if (std::isnan(asNumber(a)) || std::isnan(asNumber(b)))
    return rounded<T>(std::nan(""));
  return extreme<T, isMax>(a, b);
}

template <typename T> bool areNumbers(T a, T b) {
  return !std::isnan(asNumber(a)) && !std::isnan(asNumber(b));
}
template <typename T> bool isEqual(T a, T b) {
  return asNumber(a) == asNumber(b);
}
template <typename T> bool isOther(T a, T b) {
  return areNumbers(a, b) && !isEqual(a, b);
}
template <typename T> bool isLess(T a, T b) {
  return asNumber(a) < asNumber(b);
}
template <typename T> bool isLessOrEqual(T a, T b) {
  return asNumber(a) <= asNumber(b);
}
template <typename T> bool isGreater(T a, T b) {
  return asNumber(a) > asNumber(b);
}
template <typename T> bool isGreaterOrEqual(T a, T b) {
  return asNumber(a) >= asNumber(b);
}
/// One result of the lower halves, one of the upper.
template <bool (*f)(Float16, Float16)>
Next compareHalves(const Instruction &i, Thread &t) {
  auto a = get<Pair<Float16>>(i, t, 2), b = get<Pair<Float16>>(i, t, 3);
  set(i, t, f(a.low, b.low), 0);
  set(i, t, f(a.high, b.high), 1);
  return Next::Go;
}

template <auto f, typename T> bool isNot(T a, T b) { return !f(a, b); }

/// Lane by lane.
template <typename T, auto f> Pair<T> onPair(Pair<T> a) {
  return {f(a.low), f(a.high)};
}
template <typename T, auto f> Pair<T> onPairs(Pair<T> a, Pair<T> b) {
  return {f(a.low, b.low), f(a.high, b.high)};
}
template <typename T, auto f>
Pair<T> onThreePairs(Pair<T> a, Pair<T> b, Pair<T> c) {
  return {f(a.low, b.low, c.low), f(a.high, b.high, c.high)};
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

template <typename T, auto f>
void addUnary(Meanings &meanings, const std::string &name) {
  constexpr Kind kind = kindOf<T>;
  meanings.insert({name + "." + Traits<T>::name,
                   {compute<T, f, T>, {writes(kind), reads(kind)}}});
}
template <typename T, auto f>
void addBinary(Meanings &meanings, const std::string &name) {
  constexpr Kind kind = kindOf<T>;
  meanings.insert(
      {name + "." + Traits<T>::name,
       {compute<T, f, T, T>, {writes(kind), reads(kind), reads(kind)}}});
}

template <typename T> void addPairs(Meanings &meanings) {
  using P = Pair<T>;
  OperandForm d = writes(Traits<T>::pairKind), a = reads(Traits<T>::pairKind);
  auto add2 = [&](const std::string &name, Behaviour run) {
    meanings.insert({name + "." + Traits<T>::pair, {run, {d, a, a}}});
  };
  add2("add.rn", compute<P, onPairs<T, add<T>>, P, P>);
  add2("sub.rn", compute<P, onPairs<T, sub<T>>, P, P>);
  add2("mul.rn", compute<P, onPairs<T, mul<T>>, P, P>);
}

template <typename T, bool (*f)(T, T)>
void addComparison(Meanings &meanings, const std::string &how) {
  constexpr Kind kind = kindOf<T>;
  meanings.insert({"setp." + how + "." + Traits<T>::name,
                   {compute<bool, f, T, T>,
                    {writes(Kind::Pred), reads(kind), reads(kind)}}});
  if constexpr (std::is_same_v<T, Float16>)
    meanings.insert({"setp." + how + ".f16x2",
                     {compareHalves<f>,
                      {{OperandForm::Role::Write, Kind::Pred, 0, true},
                       reads(Kind::B32),
                       reads(Kind::B32)}}});
}

template <typename T> void addComparisons(Meanings &meanings) {
  // Of what is no number, false...
  addComparison<T, areNumbers<T>>(meanings, "num");
  addComparison<T, isEqual<T>>(meanings, "eq");
  addComparison<T, isOther<T>>(meanings, "ne");
  addComparison<T, isLess<T>>(meanings, "lt");
  addComparison<T, isLessOrEqual<T>>(meanings, "le");
  addComparison<T, isGreater<T>>(meanings, "gt");
  addComparison<T, isGreaterOrEqual<T>>(meanings, "ge");
  // ... or true.
  addComparison<T, isNot<areNumbers<T>, T>>(meanings, "nan");
  addComparison<T, isNot<isOther<T>, T>>(meanings, "equ");
  addComparison<T, isNot<isEqual<T>, T>>(meanings, "neu");
  addComparison<T, isNot<isGreaterOrEqual<T>, T>>(meanings, "ltu");
  addComparison<T, isNot<isGreater<T>, T>>(meanings, "leu");
  addComparison<T, isNot<isLessOrEqual<T>, T>>(meanings, "gtu");
  addComparison<T, isNot<isLess<T>, T>>(meanings, "geu");
}

template <typename T> void addOf(Meanings &meanings) {
  addBinary<T, add<T>>(meanings, "add.rn");
  addBinary<T, sub<T>>(meanings, "sub.rn");
  addBinary<T, mul<T>>(meanings, "mul.rn");
  addUnary<T, neg<T>>(meanings, "neg");
  addUnary<T, abs<T>>(meanings, "abs");
  addBinary<T, extreme<T, false>>(meanings, "min");
  addBinary<T, extreme<T, true>>(meanings, "max");
  addComparisons<T>(meanings);
}

template <typename T> void addRoots(Meanings &meanings) {
  constexpr Kind kind = kindOf<T>;
  addBinary<T, div<T>>(meanings, "div.rn");
  addUnary<T, rcp<T>>(meanings, "rcp.rn");
  addUnary<T, sqrt<T>>(meanings, "sqrt.rn");
  addBinary<T, withSignOf<T>>(meanings, "copysign");
  meanings.insert({std::string("fma.rn.") + Traits<T>::name,
                   {compute<T, fma<T>, T, T, T>,
                    {writes(kind), reads(kind), reads(kind), reads(kind)}}});
}

} // namespace

void addFloats(Meanings &meanings) {
  addOf<float>(meanings);
  addOf<double>(meanings);
  addOf<Float16>(meanings);
  addRoots<float>(meanings);
  addRoots<double>(meanings);
  // Not of f64.
  addBinary<float, extremeOrNan<float, false>>(meanings, "min.NaN");
  addBinary<float, extremeOrNan<float, true>>(meanings, "max.NaN");
  addBinary<Float16, extremeOrNan<Float16, false>>(meanings, "min.NaN");
  addBinary<Float16, extremeOrNan<Float16, true>>(meanings, "max.NaN");

  addPairs<float>(meanings);
  addPairs<Float16>(meanings);
  using Singles = Pair<float>;
  OperandForm single = reads(Kind::B64);
  meanings.insert({"fma.rn.f32x2",
                   {compute<Singles, onThreePairs<float, fma<float>>, Singles,
                            Singles, Singles>,
                    {writes(Kind::B64), single, single, single}}});
  using Halves = Pair<Float16>;
  OperandForm half = reads(Kind::B32), result = writes(Kind::B32);
  meanings.insert({"neg.f16x2",
                   {compute<Halves, onPair<Float16, neg<Float16>>, Halves>,
                    {result, half}}});
  meanings.insert({"abs.f16x2",
                   {compute<Halves, onPair<Float16, abs<Float16>>, Halves>,
                    {result, half}}});
  meanings.insert(
      {"min.NaN.f16x2",
       {compute<Halves, onPairs<Float16, extremeOrNan<Float16, false>>, Halves,
                Halves>,
        {result, half, half}}});
  meanings.insert(
      {"max.NaN.f16x2",
       {compute<Halves, onPairs<Float16, extremeOrNan<Float16, true>>, Halves,
                Halves>,
        {result, half, half}}});
}

} // namespace fabric::emulator
