//===- Moves.cpp - Registers and memory -----------------------------------===//

#include "test/gpu/emulator/Meanings.h"

#include <cstring>

namespace fabric::emulator {
namespace {

/// The same cell: every narrower value has zeros above it.
Next copyCell(const Instruction &i, Thread &t) {
  t.cells[i.cells[0]] = t.cells[i.cells[1]];
  return Next::Go;
}

/// Elements of T side by side, the first the lowest.
template <typename T, int count> Next pack(const Instruction &i, Thread &t) {
  uint64_t whole = 0;
  for (int n = 0; n < count; ++n)
    whole |= static_cast<uint64_t>(get<T>(i, t, n + 1)) << (n * 8 * sizeof(T));
  t.cells[i.cells[0]] = whole;
  return Next::Go;
}
template <typename T, int count> Next unpack(const Instruction &i, Thread &t) {
  uint64_t whole = t.cells[i.cells[count]];
  for (int n = 0; n < count; ++n)
    set(i, t, static_cast<T>(whole >> (n * 8 * sizeof(T))), n);
  return Next::Go;
}

Next select(const Instruction &i, Thread &t) {
  t.cells[i.cells[0]] = t.cells[i.cells[t.cells[i.cells[3]] ? 1 : 2]];
  return Next::Go;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

template <bool isShared>
std::byte *reach(const Instruction &i, Thread &t, int base, uint32_t bytes,
                 Access access) {
  uint64_t address = t.cells[i.cells[base]] + static_cast<uint64_t>(i.offset);
  return isShared ? t.block->reachShared(i, t, address, bytes, access)
                  : t.block->reachGlobal(i, t, address, bytes, access);
}

template <typename T, int count, bool isShared>
Next load(const Instruction &i, Thread &t) {
  std::byte *from =
      reach<isShared>(i, t, count, count * sizeof(T), Access::Read);
  if (!from)
    return Next::Fault;
  for (int n = 0; n < count; ++n) {
    T element;
    std::memcpy(&element, from + n * sizeof(T), sizeof(T));
    set(i, t, element, n);
  }
  return Next::Go;
}

/// Its sign goes above, in a register of 16 bits.
Next loadSignedByte(const Instruction &i, Thread &t) {
  std::byte *from = reach<false>(i, t, 1, 1, Access::Read);
  if (!from)
    return Next::Fault;
  set(i, t, static_cast<int16_t>(static_cast<int8_t>(*from)));
  return Next::Go;
}

template <typename T, int count, bool isShared>
Next store(const Instruction &i, Thread &t) {
  std::byte *to = reach<isShared>(i, t, 0, count * sizeof(T), Access::Write);
  if (!to)
    return Next::Fault;
  for (int n = 0; n < count; ++n) {
    T element = get<T>(i, t, n + 1);
    std::memcpy(to + n * sizeof(T), &element, sizeof(T));
  }
  return Next::Go;
}

template <typename T, int count, bool isShared>
void addAccesses(Meanings &meanings, const std::string &type, Kind kind) {
  if constexpr (count * sizeof(T) <= 16) {
    std::string name = (isShared ? "shared." : "global.") +
                       (count > 1 ? "v" + std::to_string(count) + "." : "") +
                       type;
    int vector = count > 1 ? count : 0;
    OperandForm address{OperandForm::Role::Address, Kind::B64};
    // A register may be wider than what is in memory.
    OperandForm source{OperandForm::Role::ReadLow, kind, vector};
    OperandForm result{OperandForm::Role::WriteLow, kind, vector};
    meanings.insert(
        {"ld." + name, {load<T, count, isShared>, {result, address}}});
    meanings.insert(
        {"st." + name, {store<T, count, isShared>, {address, source}}});
  }
}

template <typename T>
void addAccesses(Meanings &meanings, const std::string &type, Kind kind) {
  addAccesses<T, 1, false>(meanings, type, kind);
  addAccesses<T, 2, false>(meanings, type, kind);
  addAccesses<T, 4, false>(meanings, type, kind);
  addAccesses<T, 1, true>(meanings, type, kind);
  addAccesses<T, 2, true>(meanings, type, kind);
  addAccesses<T, 4, true>(meanings, type, kind);
}

} // namespace

void addMoves(Meanings &meanings) {
  for (auto [type, kind] : {std::pair{"b16", Kind::B16},
                            {"b32", Kind::B32},
                            {"u32", Kind::B32},
                            {"f32", Kind::F32},
                            {"b64", Kind::B64},
                            {"u64", Kind::B64},
                            {"f64", Kind::F64},
                            {"pred", Kind::Pred}})
    meanings.insert(
        {std::string("mov.") + type, {copyCell, {writes(kind), reads(kind)}}});
  for (auto [type, kind] : {std::pair{"b16", Kind::B16},
                            {"b32", Kind::B32},
                            {"b64", Kind::B64},
                            {"f32", Kind::F32},
                            {"f64", Kind::F64}})
    meanings.insert(
        {std::string("selp.") + type,
         {select,
          {writes(kind), reads(kind), reads(kind), reads(Kind::Pred)}}});

  meanings.insert(
      {"mov.b32",
       {pack<uint16_t, 2>, {writes(Kind::B32), reads(Kind::B16, 2)}}});
  meanings.insert(
      {"mov.b32",
       {unpack<uint16_t, 2>, {writes(Kind::B16, 2), reads(Kind::B32)}}});
  meanings.insert(
      {"mov.b64",
       {pack<uint32_t, 2>, {writes(Kind::B64), reads(Kind::B32, 2)}}});
  meanings.insert(
      {"mov.b64",
       {unpack<uint32_t, 2>, {writes(Kind::B32, 2), reads(Kind::B64)}}});
  meanings.insert(
      {"mov.b64",
       {pack<uint16_t, 4>, {writes(Kind::B64), reads(Kind::B16, 4)}}});
  meanings.insert(
      {"mov.b64",
       {unpack<uint16_t, 4>, {writes(Kind::B16, 4), reads(Kind::B64)}}});

  // A parameter is a cell, and global addresses are generic ones.
  for (const char *name : {"ld.param.b64", "ld.param.u64"})
    meanings.insert(
        {name,
         {copyCell,
          {writes(Kind::B64), {OperandForm::Role::Parameter, Kind::B64}}}});
  meanings.insert({"cvta.to.global.u64",
                   {copyCell, {writes(Kind::B64), reads(Kind::B64)}}});

  meanings.insert(
      {"ld.global.s8",
       {loadSignedByte,
        {writes(Kind::B16), {OperandForm::Role::Address, Kind::B64}}}});
  addAccesses<uint8_t>(meanings, "b8", Kind::B16);
  addAccesses<uint16_t>(meanings, "b16", Kind::B16);
  addAccesses<uint32_t>(meanings, "b32", Kind::B32);
  addAccesses<uint32_t>(meanings, "f32", Kind::F32);
  addAccesses<uint64_t>(meanings, "b64", Kind::B64);
  addAccesses<uint64_t>(meanings, "f64", Kind::F64);
}

} // namespace fabric::emulator
