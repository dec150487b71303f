//===- PtxText.h - PTX as statements ----------------------------*- C++ -*-===//
//
// Grammar only: what instructions mean is not known here.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GPU_EMULATOR_PTXTEXT_H
#define FABRIC_TEST_GPU_EMULATOR_PTXTEXT_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace fabric::emulator {

struct Token {
  enum class Kind { Word, Number, Mark, End };
  Kind kind = Kind::End;
  std::string_view text; ///< A mark is one character.
  int line = 0;
};

Expected<std::vector<Token>> tokenize(std::string_view text);

/// `%r1`, `-4`, `name`; `{%r1, %r2}`; `%p1|%p2`; `[%rd1+16]`.
struct OperandText {
  enum class Kind { Plain, Vector, Pair, Address };
  Kind kind = Kind::Plain;
  std::vector<Token> parts; ///< One; the elements; the base.
  int64_t offset = 0;       ///< Of an address.
};

struct InstructionText {
  std::string_view guard; ///< Empty: none.
  bool guardIs = true;
  std::string_view mnemonic; ///< With all modifiers.
  std::vector<OperandText> operands;
  int scope = 0;
  int line = 0;
};

/// `.reg .b32 %r<111>` or `.reg .b32 %i, %j`.
struct RegistersText {
  std::string_view type;
  std::string_view name;
  int64_t count = 0; ///< 0: one, of just this name.
  int scope = 0;     ///< 0: the kernel; else the number of a block in it.
  int line = 0;
};

/// `.shared .align 64 .b8 name[128]`.
struct SharedText {
  std::string_view name;
  int64_t alignment = 1, bytes = 0;
};

struct LabelText {
  std::string_view name;
  size_t instruction = 0; ///< The one that follows.
  int line = 0;
};

struct EntryText {
  std::string_view name;
  std::vector<std::string_view> parameters; ///< All of 64 bits.
  int64_t maxThreads = 1024;
  std::vector<RegistersText> registers;
  std::vector<SharedText> shared;
  std::vector<LabelText> labels;
  std::vector<InstructionText> instructions;
};

Expected<std::vector<EntryText>> parseText(const std::vector<Token> &tokens);

/// An integer literal's value, of up to 64 bits.
Expected<int64_t> parseInteger(const Token &token);

/// "line 7: what is wrong".
template <typename... Pieces>
Status errorAt(int line, const Pieces &...pieces) {
  return Status::error("line ", line, ": ", pieces...);
}

} // namespace fabric::emulator

#endif // FABRIC_TEST_GPU_EMULATOR_PTXTEXT_H
