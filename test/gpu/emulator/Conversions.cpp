//===- Conversions.cpp - From one type to another -------------------------===//
//
// Whole numbers lose their upper bits, or get the source's sign or zeros above.
// Numbers are rounded to nearest even; what is none is the canonical NaN.
//
//===----------------------------------------------------------------------===//

#include "test/gpu/emulator/FloatTypes.h"

#include <cmath>

namespace fabric::emulator {
namespace {

Float16 toHalf(float x) { return rounded<Float16>(static_cast<double>(x)); }
/// The first operand is the upper half.
Pair<Float16> toHalves(float high, float low) {
  return {toHalf(low), toHalf(high)};
}

template <typename D, typename S> D convert(S x) {
  if constexpr (std::is_same_v<S, Float16>)
    return rounded<D>(static_cast<D>(toFloat(x)));
  else if constexpr (std::is_floating_point_v<D>)
    return rounded<D>(static_cast<D>(x));
  else
    return static_cast<D>(x);
}

/// Eight bits are kept in sixteen, with the sign above.
int16_t toByte(int32_t x) { return static_cast<int8_t>(x); }

template <typename D, typename S>
void add(Meanings &meanings, const std::string &types) {
  meanings.insert(
      {"cvt." + types,
       {compute<D, convert<D, S>, S>, {writes(kindOf<D>), reads(kindOf<S>)}}});
}

template <typename D, typename S> void addWhole(Meanings &meanings) {
  if constexpr (sizeof(D) != sizeof(S))
    add<D, S>(meanings, nameOf<D>() + "." + nameOf<S>());
}
template <typename S> void addFromWhole(Meanings &meanings) {
  addWhole<int16_t, S>(meanings);
  addWhole<uint16_t, S>(meanings);
  addWhole<int32_t, S>(meanings);
  addWhole<uint32_t, S>(meanings);
  addWhole<int64_t, S>(meanings);
  addWhole<uint64_t, S>(meanings);
  add<float, S>(meanings, "rn.f32." + nameOf<S>());
  add<double, S>(meanings, "rn.f64." + nameOf<S>());
}

} // namespace

void addConversions(Meanings &meanings) {
  addFromWhole<int16_t>(meanings);
  addFromWhole<uint16_t>(meanings);
  addFromWhole<int32_t>(meanings);
  addFromWhole<uint32_t>(meanings);
  addFromWhole<int64_t>(meanings);
  addFromWhole<uint64_t>(meanings);
  meanings.insert({"cvt.s8.s32",
                   {compute<int16_t, toByte, int32_t>,
                    {writes(Kind::B16), reads(Kind::B32)}}});
  add<double, float>(meanings, "f64.f32");
  add<float, double>(meanings, "rn.f32.f64");
  add<float, Float16>(meanings, "f32.f16");
  add<double, Float16>(meanings, "f64.f16");
  meanings.insert({"cvt.rn.f16.f32",
                   {compute<Float16, toHalf, float>,
                    {writes(Kind::B16), reads(Kind::F32)}}});
  meanings.insert({"cvt.rn.f16x2.f32",
                   {compute<Pair<Float16>, toHalves, float, float>,
                    {writes(Kind::B32), reads(Kind::F32), reads(Kind::F32)}}});
}

} // namespace fabric::emulator
