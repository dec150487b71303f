//===- Integers.cpp - Whole numbers, bits and predicates ------------------===//
//
// Additions and products wrap around. Shifts by more than the width are by the
// width.
//
//===----------------------------------------------------------------------===//

#include "test/gpu/emulator/Meanings.h"

#include <algorithm>
#include <functional>

namespace fabric::emulator {
namespace {

template <typename T> std::string bitsNameOf() {
  return "b" + std::to_string(8 * sizeof(T));
}

/// As wide as T, but wide enough that C++ computes with it as it is.
template <typename T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
template <typename T> constexpr T plus(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) +
                        static_cast<Wrapping<T>>(b));
}
template <typename T> constexpr T minus(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) -
                        static_cast<Wrapping<T>>(b));
}
template <typename T> constexpr T times(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) *
                        static_cast<Wrapping<T>>(b));
}

template <typename T> struct Twice;
template <> struct Twice<int16_t> { using Type = int32_t; };
template <> struct Twice<uint16_t> { using Type = uint32_t; };
template <> struct Twice<int32_t> { using Type = int64_t; };
template <> struct Twice<uint32_t> { using Type = uint64_t; };
template <> struct Twice<int64_t> { using Type = __int128; };
template <> struct Twice<uint64_t> { using Type = unsigned __int128; };

template <typename T> typename Twice<T>::Type timesWide(T a, T b) {
  using Wide = typename Twice<T>::Type;
  return static_cast<Wide>(static_cast<Wide>(a) * static_cast<Wide>(b));
}
template <typename T> T timesHigh(T a, T b) {
  return static_cast<T>(timesWide<T>(a, b) >> 8 * sizeof(T));
}

template <typename T> T shiftRight(T a, uint32_t by) {
  uint32_t width = 8 * sizeof(T);
  if (by >= width)
    return std::is_signed_v<T> && a < 0 ? T(-1) : T(0);
  return static_cast<T>(a >> by);
}
template <typename T> T shiftLeft(T a, uint32_t by) {
  return by >= 8 * sizeof(T) ? T(0) : static_cast<T>(a << by);
}

/// Of the bytes of b and a, from the lowest of a on, those that the four
/// nibbles of c name; the upper bit of a nibble spreads the byte's sign.
uint32_t permute(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t nibble = c >> (4 * i) & 0xf;
    uint32_t byte = bytes >> (8 * (nibble & 7)) & 0xff;
    if (nibble & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
}

/// The lower eight bits of place and length count.
template <typename T> T extract(T a, uint32_t place, uint32_t length) {
  place &= 0xff;
  length &= 0xff;
  T rest = shiftRight(a, place);
  return length >= 8 * sizeof(T) ? rest : rest & ((T(1) << length) - 1);
}

template <typename T, auto f>
void addBinary(Meanings &meanings, const std::string &name) {
  meanings.insert({name,
                   {compute<T, f, T, T>,
                    {writes(kindOf<T>), reads(kindOf<T>), reads(kindOf<T>)}}});
}

template <typename T, auto f>
void addComparison(Meanings &meanings, const std::string &name) {
  meanings.insert({name,
                   {compute<bool, f, T, T>,
                    {writes(Kind::Pred), reads(kindOf<T>), reads(kindOf<T>)}}});
}

template <typename T> void addOfBits(Meanings &meanings) {
  std::string type = std::is_same_v<T, bool> ? "pred" : bitsNameOf<T>();
  addBinary<T, [](T a, T b) { return T(a & b); }>(meanings, "and." + type);
  addBinary<T, [](T a, T b) { return T(a | b); }>(meanings, "or." + type);
  addBinary<T, [](T a, T b) { return T(a ^ b); }>(meanings, "xor." + type);
  constexpr auto invert = [](T a) {
    return std::is_same_v<T, bool> ? T(!a) : T(~static_cast<uint64_t>(a));
  };
  meanings.insert(
      {"not." + type,
       {compute<T, invert, T>, {writes(kindOf<T>), reads(kindOf<T>)}}});
  if constexpr (!std::is_same_v<T, bool>) {
    meanings.insert(
        {"shl." + type,
         {compute<T, shiftLeft<T>, T, uint32_t>,
          {writes(kindOf<T>), reads(kindOf<T>), reads(Kind::B32)}}});
    addComparison<T, std::equal_to<T>{}>(meanings, "setp.eq." + type);
    addComparison<T, std::not_equal_to<T>{}>(meanings, "setp.ne." + type);
  }
}

template <typename T> void addOfNumbers(Meanings &meanings) {
  std::string type = nameOf<T>();
  addBinary<T, plus<T>>(meanings, "add." + type);
  addBinary<T, minus<T>>(meanings, "sub." + type);
  addBinary<T, times<T>>(meanings, "mul.lo." + type);
  addBinary<T, timesHigh<T>>(meanings, "mul.hi." + type);
  addBinary<T, [](T a, T b) { return std::min(a, b); }>(meanings,
                                                        "min." + type);
  addBinary<T, [](T a, T b) { return std::max(a, b); }>(meanings,
                                                        "max." + type);
  constexpr auto multiplyAdd = [](T a, T b, T c) {
    return plus<T>(times<T>(a, b), c);
  };
  meanings.insert({"mad.lo." + type,
                   {compute<T, multiplyAdd, T, T, T>,
                    {writes(kindOf<T>), reads(kindOf<T>), reads(kindOf<T>),
                     reads(kindOf<T>)}}});
  meanings.insert({"shr." + type,
                   {compute<T, shiftRight<T>, T, uint32_t>,
                    {writes(kindOf<T>), reads(kindOf<T>), reads(Kind::B32)}}});
  addComparison<T, std::equal_to<T>{}>(meanings, "setp.eq." + type);
  addComparison<T, std::not_equal_to<T>{}>(meanings, "setp.ne." + type);
  addComparison<T, std::less<T>{}>(meanings, "setp.lt." + type);
  addComparison<T, std::less_equal<T>{}>(meanings, "setp.le." + type);
  addComparison<T, std::greater<T>{}>(meanings, "setp.gt." + type);
  addComparison<T, std::greater_equal<T>{}>(meanings, "setp.ge." + type);
}

template <typename T> void addWideProducts(Meanings &meanings) {
  using Wide = typename Twice<T>::Type;
  meanings.insert(
      {"mul.wide." + nameOf<T>(),
       {compute<Wide, timesWide<T>, T, T>,
        {writes(kindOf<Wide>), reads(kindOf<T>), reads(kindOf<T>)}}});
}

template <typename T> void addExtraction(Meanings &meanings) {
  meanings.insert({"bfe." + nameOf<T>(),
                   {compute<T, extract<T>, T, uint32_t, uint32_t>,
                    {writes(kindOf<T>), reads(kindOf<T>), reads(Kind::B32),
                     reads(Kind::B32)}}});
}

} // namespace

void addIntegers(Meanings &meanings) {
  addOfBits<bool>(meanings);
  addOfBits<uint16_t>(meanings);
  addOfBits<uint32_t>(meanings);
  addOfBits<uint64_t>(meanings);
  addOfNumbers<int16_t>(meanings);
  addOfNumbers<uint16_t>(meanings);
  addOfNumbers<int32_t>(meanings);
  addOfNumbers<uint32_t>(meanings);
  addOfNumbers<int64_t>(meanings);
  addOfNumbers<uint64_t>(meanings);
  addWideProducts<int16_t>(meanings);
  addWideProducts<uint16_t>(meanings);
  addWideProducts<int32_t>(meanings);
  addWideProducts<uint32_t>(meanings);
  OperandForm word = reads(Kind::B32);
  meanings.insert({"prmt.b32",
                   {compute<uint32_t, permute, uint32_t, uint32_t, uint32_t>,
                    {writes(Kind::B32), word, word, word}}});
  addExtraction<uint32_t>(meanings);
  addExtraction<uint64_t>(meanings);
}

} // namespace fabric::emulator
