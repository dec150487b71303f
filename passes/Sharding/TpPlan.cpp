//===- TpPlan.cpp - A plan file, parsed -----------------------------------===//

#include "passes/Sharding/TpPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
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

static SmallVector<StringRef> splitPath(StringRef name) {
  SmallVector<StringRef> path;
  name.split(path, '.');
  return path;
}

bool TpPlanEntry::matches(StringRef name) const {
  return ::matches(parts, splitPath(name));
}

bool TpPlanEntry::matchesParameter(StringRef name) const {
  SmallVector<StringRef> path = splitPath(name);
  return ::matches(parts, path) ||
         ::matches(parts, ArrayRef<StringRef>(path).drop_back());
}

std::optional<StringRef> TpPlanEntry::matchPrefix(StringRef name) const {
  SmallVector<StringRef> path = splitPath(name);
  if (path.size() < parts.size() ||
      !::matches(parts, ArrayRef<StringRef>(path).take_front(parts.size())))
    return std::nullopt;
  return name.take_front(path[parts.size() - 1].end() - name.begin());
}

static constexpr StringLiteral kSections[] = {"parameters", "fsdp", "inputs",
                                              "results", "values"};

std::string TpPlanEntry::describe() const {
  std::string text = "key " + quoted(*key);
  if (section != TpPlanSection::Parameters)
    text = (kSections[unsigned(section)] + " " + text).str();
  return text;
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

static std::string show(const llvm::json::Value &value) {
  std::string shown;
  llvm::raw_string_ostream(shown) << value;
  // One line, whatever stands in the file.
  return shown.size() <= 60 ? shown : shown.substr(0, 60) + "...";
}

/// null, "dp", or a list of axes.
static std::optional<std::vector<std::string>>
parseDim(const llvm::json::Value &value) {
  std::vector<std::string> axes;
  if (value.getAsNull())
    return axes;
  if (auto axis = value.getAsString())
    return std::vector<std::string>{axis->str()};
  const llvm::json::Array *list = value.getAsArray();
  if (!list)
    return std::nullopt;
  for (const llvm::json::Value &item : *list) {
    auto axis = item.getAsString();
    if (!axis)
      return std::nullopt;
    axes.push_back(axis->str());
  }
  return axes;
}

static llvm::Error parseSharding(TpPlanEntry &entry,
                                 const llvm::json::Value &value) {
  if (const llvm::json::Array *dims = value.getAsArray())
    for (const llvm::json::Value &dim : *dims) {
      std::optional<std::vector<std::string>> axes = parseDim(dim);
      if (!axes)
        return makeError("{0}: expected null, an axis or a list of axes for "
                         "dim {1}, found {2}",
                         entry.describe(), entry.sharding.size(), show(dim));
      entry.sharding.push_back(std::move(*axes));
    }
  else
    return makeError("{0}: expected a list with the axes of each dim, found "
                     "{1}",
                     entry.describe(), show(value));
  llvm::StringSet<> used;
  for (const std::vector<std::string> &axes : entry.sharding)
    for (const std::string &axis : axes)
      if (!used.insert(axis).second)
        return makeError("{0}: axis {1} is used twice", entry.describe(),
                         quoted(axis));
  return llvm::Error::success();
}

/// "gather" or "keep", or {"keep": 0} with the dim.
static std::optional<TpPlanFsdp> parseFsdp(const llvm::json::Value &value) {
  auto mode = value.getAsString();
  std::optional<int64_t> dim;
  if (const llvm::json::Object *dict = value.getAsObject();
      dict && dict->size() == 1) {
    mode = StringRef(dict->begin()->first);
    dim = dict->begin()->second.getAsInteger();
    if (!dim)
      return std::nullopt;
  }
  auto symbol = mode ? dist::symbolizeFsdpMode(*mode) : std::nullopt;
  if (!symbol)
    return std::nullopt;
  return TpPlanFsdp{*symbol, dim};
}

static llvm::Expected<TpPlanEntry> parseEntry(TpPlanSection section,
                                              StringRef key,
                                              const llvm::json::Value &value) {
  TpPlanEntry entry;
  entry.section = section;
  entry.key = std::make_unique<const std::string>(key);
  if (section == TpPlanSection::Parameters && !value.getAsArray()) {
    auto text = value.getAsString();
    entry.style = text ? dist::symbolizeTpStyle(*text) : std::nullopt;
    if (!entry.style)
      return makeError("{0} has unknown style {1}; the styles are "
                       "\"colwise\", \"rowwise\", \"replicate\" and "
                       "\"sequence\"",
                       entry.describe(), show(value));
  } else if (section == TpPlanSection::Fsdp) {
    entry.fsdp = parseFsdp(value);
    if (!entry.fsdp)
      return makeError("{0}: expected \"gather\" or \"keep\", or one of them "
                       "with a dim as in {{\"keep\": 0}, found {1}",
                       entry.describe(), show(value));
  } else if (llvm::Error error = parseSharding(entry, value)) {
    return error;
  }
  for (StringRef part : splitPath(*entry.key)) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(part);
    if (!glob)
      return makeError("{0} is no glob: {1}", entry.describe(),
                       llvm::toString(glob.takeError()));
    entry.parts.push_back(std::move(*glob));
  }
  return entry;
}

static llvm::Error parseSection(TpPlanSection section,
                                const llvm::json::Object &dict,
                                std::vector<TpPlanEntry> &entries) {
  for (const auto &item : dict) {
    llvm::Expected<TpPlanEntry> entry =
        parseEntry(section, StringRef(item.first), item.second);
    if (!entry)
      return entry.takeError();
    entries.push_back(std::move(*entry));
  }
  return llvm::Error::success();
}

static llvm::Error parseSections(const llvm::json::Object &dict,
                                 std::vector<TpPlanEntry> &entries) {
  for (const auto &item : dict) {
    const StringLiteral *name = llvm::find(kSections, StringRef(item.first));
    if (name == std::end(kSections))
      return makeError("section {0} is unknown; the sections are "
                       "\"parameters\", \"fsdp\", \"inputs\", "
                       "\"results\" and \"values\"",
                       quoted(StringRef(item.first)));
    const llvm::json::Object *section = item.second.getAsObject();
    if (!section)
      return makeError("section {0} must be a dict, found {1}", quoted(*name),
                       show(item.second));
    if (llvm::Error error =
            parseSection(TpPlanSection(name - kSections), *section, entries))
      return error;
  }
  return llvm::Error::success();
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
  bool hasSections = llvm::any_of(
      *dict, [](const auto &item) { return item.second.getAsObject(); });
  llvm::Error error =
      hasSections ? parseSections(*dict, entries)
                  : parseSection(TpPlanSection::Parameters, *dict, entries);
  if (error)
    return error;
  // The dict is hashed.
  llvm::sort(entries, [](const TpPlanEntry &a, const TpPlanEntry &b) {
    return std::tie(a.section, *a.key) < std::tie(b.section, *b.key);
  });
  return entries;
}
