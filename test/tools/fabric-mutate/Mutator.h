//===- Mutator.h - Edits of MLIR text -------------------------*- C++ -*-===//

#ifndef FABRIC_TEST_TOOLS_FABRICMUTATE_MUTATOR_H
#define FABRIC_TEST_TOOLS_FABRICMUTATE_MUTATOR_H

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace mlir::fabric {

/// Makes one to three edits of tokens and lines: removed, repeated, exchanged,
/// numbers moved to boundaries, element types and dims replaced. The same seed,
/// the same text.
class Mutator {
public:
  explicit Mutator(const std::string &text);
  std::string mutate(uint64_t seed) const;

private:
  enum class Kind { Space, Number, Word, Value, Text, Punctuation };
  struct Token {
    Kind kind;
    std::string text;
  };
  static std::vector<Token> split(const std::string &text);
  static void editToken(std::vector<Token> &tokens, std::mt19937_64 &random);
  static void editAll(std::vector<Token> &tokens, std::mt19937_64 &random);
  static void editLine(std::vector<Token> &tokens, std::mt19937_64 &random);

  std::vector<Token> tokens;
};

} // namespace mlir::fabric

#endif // FABRIC_TEST_TOOLS_FABRICMUTATE_MUTATOR_H
