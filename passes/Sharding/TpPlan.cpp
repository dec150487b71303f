//===- TpPlan.cpp - A tensor-parallel plan file, parsed -------------------===//

#include "passes/Sharding/TpPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::sharding;

template <typename... Ts>
static llvm::Error makeError(const char *format, const Ts &...values) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 llvm::formatv(format, values...).str());
}

static std::string quoted(StringRef text) { return ("\"" + text + "\"").str(); }

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

static bool matches(ArrayRef<llvm::GlobPattern> parts,
                    ArrayRef<StringRef> path) {
  return path.size() == parts.size() &&
         llvm::all_of(llvm::zip(parts, path), [](auto pair) {
           return std::get<0>(pair).match(std::get<1>(pair));
         });
}

bool TpPlanEntry::matchesParameter(StringRef name) const {
  SmallVector<StringRef> path;
  name.split(path, '.');
  return matches(parts, path) ||
         matches(parts, ArrayRef<StringRef>(path).drop_back());
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// LLVM's parser recurses without a limit: counts brackets outside of strings
/// before it sees them.
static bool isTooDeep(StringRef text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxTpPlanDepth)
        return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

static llvm::Expected<TpPlanEntry> parseEntry(StringRef key,
                                              const llvm::json::Value &value) {
  TpPlanEntry entry;
  entry.key = std::make_unique<const std::string>(key);
  auto text = value.getAsString();
  std::optional<dist::TpStyle> style =
      text ? dist::symbolizeTpStyle(*text) : std::nullopt;
  if (!style) {
    std::string shown;
    llvm::raw_string_ostream(shown) << value;
    return makeError("key {0} has unknown style {1}; the styles are "
                     "\"colwise\", \"rowwise\", \"replicate\" and \"sequence\"",
                     quoted(key), shown);
  }
  entry.style = *style;
  SmallVector<StringRef> parts;
  StringRef(*entry.key).split(parts, '.');
  for (StringRef part : parts) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(part);
    if (!glob)
      return makeError("key {0} is no glob: {1}", quoted(key),
                       llvm::toString(glob.takeError()));
    entry.parts.push_back(std::move(*glob));
  }
  return entry;
}

llvm::Expected<std::vector<TpPlanEntry>> sharding::parseTpPlan(StringRef text) {
  if (text.size() > kMaxTpPlanBytes)
    return makeError("has {0} bytes, expected at most {1}", text.size(),
                     kMaxTpPlanBytes);
  if (isTooDeep(text))
    return makeError("is nested deeper than {0} levels", kMaxTpPlanDepth);
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(text);
  if (!json)
    return makeError("is no JSON: {0}", llvm::toString(json.takeError()));
  const llvm::json::Object *dict = json->getAsObject();
  if (!dict)
    return makeError("must be a dict from globs of module names to styles");

  std::vector<TpPlanEntry> entries;
  for (const auto &item : *dict) {
    llvm::Expected<TpPlanEntry> entry =
        parseEntry(StringRef(item.first), item.second);
    if (!entry)
      return entry.takeError();
    entries.push_back(std::move(*entry));
  }
  // The dict is hashed.
  llvm::sort(entries, [](const TpPlanEntry &a, const TpPlanEntry &b) {
    return *a.key < *b.key;
  });
  return entries;
}
