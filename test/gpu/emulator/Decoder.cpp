//===- Decoder.cpp - From statements to what threads run ------------------===//

#include "test/gpu/emulator/Meanings.h"
#include "test/gpu/emulator/PtxText.h"

#include <algorithm>
#include <charconv>

namespace fabric::emulator {
namespace {

/// What a name of a function stands for.
struct Register {
  uint32_t cell;
  int bits;
};

class Decoder {
public:
  explicit Decoder(const EntryText &text) : text(text) {
    entry.maxThreads = text.maxThreads;
    entry.cells.resize(numSpecialCells);
    entry.numParameters = text.parameters.size();
    for (std::string_view name : text.parameters)
      parameters[name] = addCell(0);
  }

  Expected<Entry> run() {
    for (const RegistersText &registers : text.registers)
      FABRIC_RETURN_IF_ERROR(declare(registers));
    FABRIC_RETURN_IF_ERROR(placeShared());
    for (const LabelText &label : text.labels)
      if (label.instruction == text.instructions.size() ||
          !labels.emplace(label.name, label.instruction).second)
        return errorAt(label.line, "label '", label.name,
                       "' is at the end, or not the first");
    for (const InstructionText &instruction : text.instructions) {
      FABRIC_ASSIGN_OR_RETURN(Instruction decoded, decode(instruction));
      entry.code.push_back(decoded);
    }
    if (text.instructions.empty() || !isLast(text.instructions.back()))
      return Status::error("kernel '", text.name,
                           "' does not end with ret or bra");
    return std::move(entry);
  }

private:
  static bool isLast(const InstructionText &instruction) {
    return instruction.guard.empty() &&
           (instruction.mnemonic == "ret" || instruction.mnemonic == "bra" ||
            instruction.mnemonic == "bra.uni");
  }

  uint32_t addCell(Cell value) {
    entry.cells.push_back(value);
    return static_cast<uint32_t>(entry.cells.size() - 1);
  }

  //===--------------------------------------------------------------------===//
  // Names
  //===--------------------------------------------------------------------===//

  Status declare(const RegistersText &declared) {
    int bits = 0;
    if (declared.type == ".pred")
      bits = 1;
    for (const char *type : {".b16", ".b32", ".b64", ".f32", ".f64"})
      if (declared.type == type)
        std::from_chars(type + 2, type + 4, bits);
    if (bits == 0)
      return errorAt(declared.line, "unknown type '", declared.type, "'");
    auto add = [&](const std::string &name) {
      if (!registers
               .emplace(std::pair(declared.scope, name),
                        Register{addCell(neverWritten), bits})
               .second)
        return errorAt(declared.line, "register '", name, "' is not the first");
      return Status::success();
    };
    if (declared.count == 0)
      return add(std::string(declared.name));
    if (declared.count > 1'000'000)
      return errorAt(declared.line, declared.count, " registers");
    for (int64_t number = 0; number < declared.count; ++number)
      FABRIC_RETURN_IF_ERROR(
          add(std::string(declared.name) + std::to_string(number)));
    return Status::success();
  }

  /// In the instruction's block, or in the kernel.
  const Register *findRegister(std::string_view name) const {
    for (int from : {scope, 0})
      if (auto found = registers.find({from, std::string(name)});
          found != registers.end())
        return &found->second;
    return nullptr;
  }

  Status placeShared() {
    uint64_t next = sharedBegin;
    for (const SharedText &variable : text.shared) {
      auto alignment = static_cast<uint64_t>(variable.alignment);
      next = (next + alignment - 1) / alignment * alignment;
      shared[variable.name] = next;
      auto end = next + static_cast<uint64_t>(variable.bytes);
      entry.shared.push_back({next, end});
      next = end;
    }
    entry.sharedEnd = next;
    return Status::success();
  }

  std::optional<uint32_t> findSpecial(std::string_view name) const {
    constexpr std::pair<std::string_view, uint32_t> specials[] = {
        {"%tid.", threadCell},
        {"%ctaid.", blockCell},
        {"%ntid.", threadsCell},
        {"%nctaid.", blocksCell}};
    for (auto [prefix, cell] : specials)
      if (name.starts_with(prefix) && name.size() == prefix.size() + 1 &&
          name.back() >= 'x' && name.back() <= 'z')
        return cell + static_cast<uint32_t>(name.back() - 'x');
    return std::nullopt;
  }

  //===--------------------------------------------------------------------===//
  // Literals
  //===--------------------------------------------------------------------===//

  /// `0f3F800000`, `0d3FF0000000000000`: the bits.
  static std::optional<uint64_t> parseBits(std::string_view text, char letter,
                                           size_t digits) {
    uint64_t bits = 0;
    if (text.size() != digits + 2 || text[0] != '0' || text[1] != letter)
      return std::nullopt;
    auto [last, error] =
        std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
    if (error != std::errc() || last != text.data() + text.size())
      return std::nullopt;
    return bits;
  }

  Expected<uint32_t> decodeLiteral(const Token &token, Kind kind) {
    std::optional<uint64_t> bits;
    if (kind == Kind::F32 || kind == Kind::B32)
      bits = parseBits(token.text, 'f', 8);
    if (kind == Kind::F64 || kind == Kind::B64)
      bits = parseBits(token.text, 'd', 16);
    if (bits)
      return addCell(*bits);
    if (kind == Kind::F32 || kind == Kind::F64)
      return errorAt(token.line, "'", token.text,
                     "' is no literal for an operand of this type");
    FABRIC_ASSIGN_OR_RETURN(int64_t value, parseInteger(token));
    // Whatever is not zero is true.
    if (kind == Kind::Pred)
      return addCell(value != 0);
    int width = bitsOf(kind);
    if (width < 64 &&
        (value >= int64_t(1) << width || value < -(int64_t(1) << (width - 1))))
      return errorAt(token.line, "'", token.text, "' has more than ", width,
                     " bits");
    uint64_t mask = width < 64 ? (uint64_t(1) << width) - 1 : ~uint64_t(0);
    return addCell(static_cast<uint64_t>(value) & mask);
  }

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  /// A cell with the operand's value, or for it.
  Expected<uint32_t> decodeValue(const Token &token, const OperandForm &form) {
    using Role = OperandForm::Role;
    bool isWritten = form.role == Role::Write || form.role == Role::WriteLow;
    bool mayBeWider = form.role == Role::ReadLow || form.role == Role::WriteLow;
    if (token.kind == Token::Kind::Number && !isWritten)
      return decodeLiteral(token, form.kind);
    if (const Register *found = findRegister(token.text)) {
      int expected = bitsOf(form.kind), bits = found->bits;
      if (bits == expected || (mayBeWider && bits > expected))
        return found->cell;
      return errorAt(token.line, "expected a register of ", expected,
                     " bits, found '", token.text, "' of ", bits);
    }
    if (isWritten && token.text == "_" && form.vector > 0)
      return uint32_t(sinkCell);
    if (auto cell = findSpecial(token.text);
        cell && !isWritten && form.kind == Kind::B32)
      return *cell;
    if (auto variable = shared.find(token.text);
        variable != shared.end() && !isWritten && form.kind == Kind::B64)
      return addCell(variable->second);
    return errorAt(token.line, "unknown operand '", token.text, "'");
  }

  Status decodeOperand(const OperandText &operand, const OperandForm &form,
                       Instruction &instruction, size_t &numCells) {
    using Role = OperandForm::Role;
    auto add = [&](uint32_t cell) { instruction.cells[numCells++] = cell; };
    const Token &first = operand.parts.front();
    switch (form.role) {
    case Role::Read:
    case Role::ReadLow:
    case Role::Write:
    case Role::WriteLow:
      for (const Token &part : operand.parts) {
        FABRIC_ASSIGN_OR_RETURN(uint32_t cell, decodeValue(part, form));
        add(cell);
      }
      return Status::success();
    case Role::Address: {
      OperandForm base{Role::Read, Kind::B64};
      FABRIC_ASSIGN_OR_RETURN(uint32_t cell, decodeValue(first, base));
      add(cell);
      instruction.offset = operand.offset;
      return Status::success();
    }
    case Role::Parameter: {
      auto found = parameters.find(first.text);
      if (found == parameters.end() || operand.offset != 0)
        return errorAt(first.line, "unknown parameter '", first.text, "'");
      add(found->second);
      return Status::success();
    }
    case Role::Label: {
      auto found = labels.find(first.text);
      if (found == labels.end())
        return errorAt(first.line, "unknown label '", first.text, "'");
      instruction.target = static_cast<uint32_t>(found->second);
      return Status::success();
    }
    case Role::Zero:
      if (first.text != "0")
        return errorAt(first.line, "expected 0, found '", first.text, "'");
      return Status::success();
    }
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Instructions
  //===--------------------------------------------------------------------===//

  /// Whether braces and brackets are where the form has them.
  static bool fits(const InstructionText &instruction, const Meaning &meaning) {
    return std::equal(
        instruction.operands.begin(), instruction.operands.end(),
        meaning.operands.begin(), meaning.operands.end(),
        [](const OperandText &operand, const OperandForm &form) {
          using Role = OperandForm::Role;
          bool isAddress =
              form.role == Role::Address || form.role == Role::Parameter;
          if (isAddress != (operand.kind == OperandText::Kind::Address))
            return false;
          if (form.isPair != (operand.kind == OperandText::Kind::Pair))
            return false;
          if (form.vector == 0)
            return operand.kind != OperandText::Kind::Vector;
          return operand.kind == OperandText::Kind::Vector &&
                 operand.parts.size() == static_cast<size_t>(form.vector);
        });
  }

  Expected<Instruction> decode(const InstructionText &text) {
    Instruction instruction;
    instruction.line = text.line;
    scope = text.scope;
    auto [first, last] = allMeanings().equal_range(std::string(text.mnemonic));
    if (first == last)
      return errorAt(text.line, "unknown instruction '", text.mnemonic, "'");
    auto meaning = std::find_if(
        first, last, [&](const auto &form) { return fits(text, form.second); });
    if (meaning == last)
      return errorAt(text.line, "these are no operands of '", text.mnemonic,
                     "'");
    instruction.run = meaning->second.run;
    size_t numCells = 0;
    for (size_t i = 0; i < text.operands.size(); ++i)
      FABRIC_RETURN_IF_ERROR(decodeOperand(text.operands[i],
                                           meaning->second.operands[i],
                                           instruction, numCells));
    if (!text.guard.empty()) {
      Token guard{Token::Kind::Word, text.guard, text.line};
      FABRIC_ASSIGN_OR_RETURN(instruction.guard,
                              decodeValue(guard, reads(Kind::Pred)));
      instruction.guardIs = text.guardIs;
    }
    return instruction;
  }

  /// What a register holds before it is written: in f32 a number that is large
  /// and odd, in f64 one that is small.
  static constexpr Cell neverWritten = 0x1234'5678'7bad'7bad;

  const EntryText &text;
  Entry entry;
  std::map<std::pair<int, std::string>, Register> registers; ///< By scope.
  int scope = 0; ///< Of the instruction.
  std::map<std::string_view, uint32_t> parameters;
  std::map<std::string_view, uint64_t> shared;
  std::map<std::string_view, size_t> labels;
};

std::vector<std::string> splitLines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line(text.substr(at, end - at));
    std::replace(line.begin(), line.end(), '\t', ' ');
    line.erase(0, line.find_first_not_of(' '));
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

} // namespace

Expected<Code> parsePtx(std::string_view text) {
  FABRIC_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(text));
  FABRIC_ASSIGN_OR_RETURN(std::vector<EntryText> entries, parseText(tokens));
  Code code;
  code.lines = splitLines(text);
  for (const EntryText &entry : entries) {
    FABRIC_ASSIGN_OR_RETURN(Entry decoded, Decoder(entry).run());
    if (!code.entries.emplace(entry.name, std::move(decoded)).second)
      return Status::error("kernel '", entry.name, "' is not the first");
  }
  return code;
}

} // namespace fabric::emulator
