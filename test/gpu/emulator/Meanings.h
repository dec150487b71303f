//===- Meanings.h - What instructions do ------------------------*- C++ -*-===//
//
// A table by the whole mnemonic, modifiers and types included: what is not in
// it is not known. Semantics are those of NVIDIA's "Parallel Thread Execution
// ISA"; where that leaves a result open, the comment says what is done.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_MEANINGS_H
#define FABRIC_TEST_GPU_EMULATOR_MEANINGS_H

#include "test/gpu/emulator/Block.h"
#include "test/gpu/emulator/Ptx.h"

#include <bit>
#include <type_traits>
#include <unordered_map>

namespace fabric::emulator {

/// Of an operand: how wide, and which literals it takes.
enum class Kind : uint8_t { Pred, B16, B32, B64, F32, F64 };
constexpr int bitsOf(Kind kind) {
  constexpr int bits[] = {1, 16, 32, 64, 32, 64};
  return bits[static_cast<int>(kind)];
}

struct OperandForm {
  enum class Role {
    Read,
    ReadLow, ///< The register may be wider.
    Write,
    WriteLow, ///< The register may be wider: zeros go above.
    Address,
    Parameter, ///< `[name]`
    Label,
    Zero, ///< The literal 0.
  };
  Role role;
  Kind kind = Kind::B32;
  int vector = 0;      ///< Elements in braces; 0: no braces.
  bool isPair = false; ///< Two, with a bar between.
};

struct Meaning {
  Behaviour run;
  std::vector<OperandForm> operands;
};

/// A mnemonic may stand for several forms of operands.
using Meanings = std::unordered_multimap<std::string, Meaning>;
const Meanings &allMeanings();

void addIntegers(Meanings &meanings);
void addFloats(Meanings &meanings);
void addConversions(Meanings &meanings);
void addMoves(Meanings &meanings);
void addControl(Meanings &meanings);

//===----------------------------------------------------------------------===//
// For the files that fill the table
//===----------------------------------------------------------------------===//

template <typename T> inline constexpr Kind kindOf = Kind::B32;
template <> inline constexpr Kind kindOf<bool> = Kind::Pred;
template <> inline constexpr Kind kindOf<int16_t> = Kind::B16;
template <> inline constexpr Kind kindOf<uint16_t> = Kind::B16;
template <> inline constexpr Kind kindOf<int64_t> = Kind::B64;
template <> inline constexpr Kind kindOf<uint64_t> = Kind::B64;
template <> inline constexpr Kind kindOf<float> = Kind::F32;
template <> inline constexpr Kind kindOf<double> = Kind::F64;

/// "s32"
template <typename T> std::string nameOf() {
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(8 * sizeof(T));
}

inline OperandForm reads(Kind kind, int vector = 0) {
  return {OperandForm::Role::Read, kind, vector};
}
inline OperandForm writes(Kind kind, int vector = 0) {
  return {OperandForm::Role::Write, kind, vector};
}

template <size_t bytes>
using BitsOf = std::conditional_t<
    bytes == 1, uint8_t,
    std::conditional_t<bytes == 2, uint16_t,
                       std::conditional_t<bytes == 4, uint32_t, uint64_t>>>;

/// Operand `number` of the instruction, as a T of its lower bits.
template <typename T>
T get(const Instruction &instruction, const Thread &thread, size_t number) {
  return std::bit_cast<T>(
      static_cast<BitsOf<sizeof(T)>>(thread.cells[instruction.cells[number]]));
}

template <typename T>
void set(const Instruction &instruction, Thread &thread, T value,
         size_t number = 0) {
  thread.cells[instruction.cells[number]] =
      std::bit_cast<BitsOf<sizeof(T)>>(value);
}

/// d = f(a, b...), of functions without state.
template <typename D, auto f, typename... Operands>
Next compute(const Instruction &i, Thread &t) {
  [&]<size_t... number>(std::index_sequence<number...>) {
    set<D>(i, t, f(get<Operands>(i, t, number + 1)...));
  }
  (std::index_sequence_for<Operands...>());
  return Next::Go;
}

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_MEANINGS_H
