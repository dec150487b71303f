//===- Mutator.cpp - Edits of MLIR text -----------------------------------===//

#include "Mutator.h"

#include <cctype>
#include <iterator>

using namespace mlir::fabric;

static bool isWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
         c == '$';
}

std::vector<Mutator::Token> Mutator::split(const std::string &text) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    size_t begin = i;
    char c = text[i++];
    Kind kind = Kind::Punctuation;
    auto take = [&](auto accepts) {
      while (i < text.size() && accepts(text[i]))
        ++i;
    };
    if (c == '\n') {
      kind = Kind::Space; // Alone: lines are edited as such.
    } else if (c == ' ') {
      kind = Kind::Space;
      take([](char c) { return c == ' '; });
    } else if (c == '/' && i < text.size() && text[i] == '/') {
      kind = Kind::Space; // A comment: RUN and CHECK lines stay.
      take([](char c) { return c != '\n'; });
    } else if (c == '"') {
      kind = Kind::Text;
      take([](char c) { return c != '"' && c != '\n'; });
      i = std::min(i + 1, text.size());
    } else if (c == '%') {
      kind = Kind::Value;
      take(isWord);
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      kind = Kind::Number; // "16x128xf32" is 16, x, 128, x, f32.
      take([](char c) { return std::isdigit((unsigned char)c) || c == '.'; });
    } else if (c == 'x' && begin > 0 &&
               (std::isdigit(static_cast<unsigned char>(text[begin - 1])) ||
                text[begin - 1] == '?')) {
      kind = Kind::Punctuation;
    } else if (isWord(c)) {
      kind = Kind::Word;
      take(isWord);
    } else if (c == '-' && i < text.size() && text[i] == '>') {
      ++i;
    }
    tokens.push_back({kind, text.substr(begin, i - begin)});
  }
  return tokens;
}

Mutator::Mutator(const std::string &text) : tokens(split(text)) {}

/// A random element of a list.
template <typename List> static auto pick(const List &list, auto &random) {
  return list[random() % std::size(list)];
}

static const char *const numbers[] = {"0",          "1",
                                      "2",          "3",
                                      "5",          "7",
                                      "-1",         "?",
                                      "*",          "1.5",
                                      "64",         "2147483647",
                                      "4294967296", "10000000000000",
                                      "1073741824", "9223372036854775807",
                                      "0x7FC00000", "18446744073709551616",
                                      "1.0e400",    "00"};
static const char *const types[] = {
    "f32",        "f64",      "bf16",         "f16",           "i1",
    "i4",         "i8",       "i32",          "i64",           "index",
    "ui8",        "f8E4M3FN", "complex<f32>", "vector<4xf32>", "none",
    "!quant.any", "tuple<>",  "tf32",         "i16777215"};
static const char *const words[] = {
    "unit",
    "dense<0.0>",
    "dense_resource<blob>",
    "[]",
    "{}",
    "true",
    "array<i64>",
    "array<i64: 0, 0>",
    "loc(unknown)",
    "affine_map<(d0) -> (d0)>",
    "@f",
    "\"\"",
    "dense<\"0xFF\">",
    "#fabric.scalar<\"lr\", 1.0>",
    "fabric.frozen",
    "tensor<f32>",
    "tensor<*xf32>",
    "memref<4xf32>",
    "tensor<4xf32, #dist.sharding<#mesh, [{}]>>"};

void Mutator::editToken(std::vector<Token> &tokens, std::mt19937_64 &random) {
  // Space changes nothing: look for another one.
  size_t at = random() % tokens.size();
  for (int tries = 0; tokens[at].kind == Kind::Space && tries < 50; ++tries)
    at = random() % tokens.size();
  Token &token = tokens[at];
  switch (random() % 8) {
  case 0:
    token.text.clear();
    return;
  case 1:
    token.text += " " + token.text;
    return;
  case 2:
    std::swap(token, tokens[random() % tokens.size()]);
    return;
  case 3:
    token.text = pick(words, random);
    return;
  default:
    break;
  }
  if (token.kind == Kind::Number && random() % 2 == 0) {
    token.text = pick(numbers, random);
    return;
  }
  static const std::string elements[] = {"f32", "f64", "bf16", "i64", "i32"};
  for (const std::string &type : elements)
    if (token.text == type) {
      token.text = pick(types, random);
      return;
    }
  // Another token of the same kind.
  for (int tries = 0; tries < 50; ++tries) {
    const Token &other = tokens[random() % tokens.size()];
    if (other.kind == token.kind && other.text != token.text) {
      token.text = other.text;
      return;
    }
  }
}

/// One size, type or name, everywhere: what stays a valid module gets far.
void Mutator::editAll(std::vector<Token> &tokens, std::mt19937_64 &random) {
  size_t at = random() % tokens.size();
  for (int tries = 0; tries < 200; ++tries) {
    const Token &token = tokens[at];
    bool isElement = token.kind == Kind::Word && token.text.size() <= 4 &&
                     token.text.find_first_of("0123456789") == 1;
    if (token.kind == Kind::Number || token.kind == Kind::Text || isElement)
      break;
    at = random() % tokens.size();
  }
  std::string from = tokens[at].text, to;
  if (tokens[at].kind == Kind::Number)
    to = pick(numbers, random);
  else if (tokens[at].kind == Kind::Word)
    to = pick(types, random);
  else
    to = tokens[random() % tokens.size()].text;
  for (Token &token : tokens)
    if (token.text == from)
      token.text = to;
}

void Mutator::editLine(std::vector<Token> &tokens, std::mt19937_64 &random) {
  std::vector<size_t> starts = {0};
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i].text == "\n")
      starts.push_back(i + 1);
  starts.push_back(tokens.size());
  size_t line = random() % (starts.size() - 1);
  size_t other = random() % (starts.size() - 1);
  std::vector<Token> copy(tokens.begin() + starts[line],
                          tokens.begin() + starts[line + 1]);
  auto at = tokens.begin() + starts[random() % 2 ? other : line];
  if (random() % 2)
    tokens.insert(at, copy.begin(), copy.end());
  else
    tokens.erase(tokens.begin() + starts[line],
                 tokens.begin() + starts[line + 1]);
}

std::string Mutator::mutate(uint64_t seed) const {
  std::mt19937_64 random(seed);
  std::vector<Token> edited = tokens;
  for (uint64_t edits = 1 + random() % 3; edits > 0 && !edited.empty(); --edits)
    if (uint64_t kind = random() % 6; kind == 0)
      editLine(edited, random);
    else if (kind <= 2)
      editAll(edited, random);
    else
      editToken(edited, random);
  std::string text;
  for (const Token &token : edited)
    text += token.text;
  return text;
}
