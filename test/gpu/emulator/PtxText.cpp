//===- PtxText.cpp - PTX as statements ------------------------------------===//

#include "test/gpu/emulator/PtxText.h"

#include <algorithm>
#include <charconv>

namespace fabric::emulator {
namespace {

bool isWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '$' || c == '%' || c == '.';
}
bool isDigit(char c) { return c >= '0' && c <= '9'; }

} // namespace

Expected<std::vector<Token>> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  int line = 1;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '\n')
      ++line;
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
      ++i;
      continue;
    }
    if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    Token::Kind kind = Token::Kind::Mark;
    size_t end = i + 1;
    if (isWordStart(c))
      kind = Token::Kind::Word;
    else if (isDigit(c) ||
             (c == '-' && end < text.size() && isDigit(text[end])))
      kind = Token::Kind::Number;
    else if (std::string_view(",;:{}[]()<>@!+|").find(c) ==
             std::string_view::npos)
      return errorAt(line, "unexpected character '", c, "'");
    if (kind != Token::Kind::Mark)
      while (end < text.size() &&
             (isWordStart(text[end]) || isDigit(text[end])))
        ++end;
    tokens.push_back({kind, text.substr(i, end - i), line});
    i = end;
  }
  tokens.push_back({Token::Kind::End, "the end", line});
  return tokens;
}

Expected<int64_t> parseInteger(const Token &token) {
  std::string_view digits = token.text;
  bool isNegative = digits.starts_with('-');
  digits.remove_prefix(isNegative);
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  } else if (digits.size() > 1 && digits.starts_with('0')) {
    return errorAt(token.line,
                   "octal and binary numbers are not known: ", token.text);
  }
  if (digits.ends_with('U'))
    digits.remove_suffix(1);
  uint64_t value = 0;
  auto [last, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || last != digits.data() + digits.size())
    return errorAt(token.line, "expected an integer, found '", token.text, "'");
  return static_cast<int64_t>(isNegative ? -value : value);
}

namespace {

class Parser {
public:
  explicit Parser(const std::vector<Token> &tokens) : next(tokens.data()) {}

  Expected<std::vector<EntryText>> run() {
    std::vector<EntryText> entries;
    FABRIC_RETURN_IF_ERROR(parseHeader());
    while (next->kind != Token::Kind::End) {
      FABRIC_ASSIGN_OR_RETURN(EntryText entry, parseEntry());
      entries.push_back(std::move(entry));
    }
    return entries;
  }

private:
  Status unexpected(const char *expected) const {
    return errorAt(next->line, "expected ", expected, ", found '", next->text,
                   "'");
  }
  bool take(std::string_view text) {
    if (next->kind == Token::Kind::End || next->text != text)
      return false;
    ++next;
    return true;
  }
  Status expect(const char *text) {
    return take(text) ? Status::success() : unexpected(text);
  }
  Expected<std::string_view> takeWord(const char *what) {
    if (next->kind != Token::Kind::Word)
      return unexpected(what);
    return next++->text;
  }
  Expected<int64_t> takeCount(const char *what) {
    if (next->kind != Token::Kind::Number)
      return unexpected(what);
    return parseInteger(*next++);
  }

  /// `.version 7.8  .target sm_90  .address_size 64`
  Status parseHeader() {
    FABRIC_RETURN_IF_ERROR(expect(".version"));
    if (next++->kind != Token::Kind::Number)
      return errorAt(next[-1].line, "expected a version");
    FABRIC_RETURN_IF_ERROR(expect(".target"));
    FABRIC_ASSIGN_OR_RETURN([[maybe_unused]] std::string_view target,
                            takeWord("a target"));
    FABRIC_RETURN_IF_ERROR(expect(".address_size"));
    return expect("64");
  }

  /// `.visible .entry name(.param .u64 .ptr .align 1 a, ...) .maxntid 256, 1,
  /// 1`
  Expected<EntryText> parseEntry() {
    EntryText entry;
    FABRIC_RETURN_IF_ERROR(expect(".visible"));
    FABRIC_RETURN_IF_ERROR(expect(".entry"));
    FABRIC_ASSIGN_OR_RETURN(entry.name, takeWord("a name"));
    FABRIC_RETURN_IF_ERROR(expect("("));
    while (!take(")")) {
      if (!entry.parameters.empty())
        FABRIC_RETURN_IF_ERROR(expect(","));
      FABRIC_RETURN_IF_ERROR(expect(".param"));
      if (!take(".u64") && !take(".b64"))
        return unexpected("a parameter of 64 bits");
      if (take(".ptr")) {
        FABRIC_RETURN_IF_ERROR(expect(".align"));
        FABRIC_ASSIGN_OR_RETURN([[maybe_unused]] int64_t alignment,
                                takeCount("an alignment"));
      }
      FABRIC_ASSIGN_OR_RETURN(std::string_view name, takeWord("a name"));
      entry.parameters.push_back(name);
    }
    if (take(".maxntid")) {
      entry.maxThreads = 1;
      do {
        FABRIC_ASSIGN_OR_RETURN(int64_t extent, takeCount("an extent"));
        entry.maxThreads *= extent;
      } while (take(","));
    }
    FABRIC_RETURN_IF_ERROR(expect("{"));
    int numScopes = 0;
    while (!take("}")) {
      scope = 0;
      if (!take("{")) {
        FABRIC_RETURN_IF_ERROR(parseStatement(entry));
        continue;
      }
      // Blocks have names of their own, and no blocks.
      scope = ++numScopes;
      while (!take("}"))
        FABRIC_RETURN_IF_ERROR(parseStatement(entry));
    }
    return entry;
  }

  Status parseStatement(EntryText &entry) {
    if (take(".reg"))
      return parseRegisters(entry);
    if (take(".shared"))
      return parseShared(entry);
    if (next->kind == Token::Kind::Word && next[1].text == ":") {
      entry.labels.push_back(
          {next->text, entry.instructions.size(), next->line});
      next += 2;
      return Status::success();
    }
    return parseInstruction(entry);
  }

  Status parseRegisters(EntryText &entry) {
    FABRIC_ASSIGN_OR_RETURN(std::string_view type, takeWord("a type"));
    do {
      RegistersText registers{type, {}, 0, scope, next->line};
      FABRIC_ASSIGN_OR_RETURN(registers.name, takeWord("a register"));
      if (take("<")) {
        FABRIC_ASSIGN_OR_RETURN(registers.count, takeCount("a number"));
        FABRIC_RETURN_IF_ERROR(expect(">"));
      }
      entry.registers.push_back(registers);
    } while (take(","));
    return expect(";");
  }

  Status parseShared(EntryText &entry) {
    SharedText shared;
    FABRIC_RETURN_IF_ERROR(expect(".align"));
    FABRIC_ASSIGN_OR_RETURN(shared.alignment, takeCount("an alignment"));
    FABRIC_RETURN_IF_ERROR(expect(".b8"));
    FABRIC_ASSIGN_OR_RETURN(shared.name, takeWord("a name"));
    FABRIC_RETURN_IF_ERROR(expect("["));
    FABRIC_ASSIGN_OR_RETURN(shared.bytes, takeCount("a number of bytes"));
    FABRIC_RETURN_IF_ERROR(expect("]"));
    entry.shared.push_back(shared);
    return expect(";");
  }

  Status parseInstruction(EntryText &entry) {
    InstructionText instruction;
    instruction.line = next->line;
    instruction.scope = scope;
    if (take("@")) {
      instruction.guardIs = !take("!");
      FABRIC_ASSIGN_OR_RETURN(instruction.guard, takeWord("a predicate"));
    }
    FABRIC_ASSIGN_OR_RETURN(instruction.mnemonic, takeWord("an instruction"));
    while (!take(";")) {
      if (!instruction.operands.empty())
        FABRIC_RETURN_IF_ERROR(expect(","));
      FABRIC_ASSIGN_OR_RETURN(OperandText operand, parseOperand());
      instruction.operands.push_back(std::move(operand));
    }
    entry.instructions.push_back(std::move(instruction));
    return Status::success();
  }

  Expected<OperandText> parseOperand() {
    OperandText operand;
    auto takePart = [&] {
      if (next->kind != Token::Kind::Word && next->kind != Token::Kind::Number)
        return unexpected("an operand");
      operand.parts.push_back(*next++);
      return Status::success();
    };
    if (take("{")) {
      operand.kind = OperandText::Kind::Vector;
      do {
        FABRIC_RETURN_IF_ERROR(takePart());
      } while (take(","));
      FABRIC_RETURN_IF_ERROR(expect("}"));
    } else if (take("[")) {
      operand.kind = OperandText::Kind::Address;
      FABRIC_RETURN_IF_ERROR(takePart());
      if (take("+")) {
        FABRIC_ASSIGN_OR_RETURN(operand.offset, takeCount("an offset"));
      }
      FABRIC_RETURN_IF_ERROR(expect("]"));
    } else {
      FABRIC_RETURN_IF_ERROR(takePart());
      if (take("|")) {
        operand.kind = OperandText::Kind::Pair;
        FABRIC_RETURN_IF_ERROR(takePart());
      }
    }
    return operand;
  }

  const Token *next;
  int scope = 0;
};

} // namespace

Expected<std::vector<EntryText>> parseText(const std::vector<Token> &tokens) {
  return Parser(tokens).run();
}

} // namespace fabric::emulator
