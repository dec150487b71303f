//===- DataSource.cpp - The inputs of every step --------------------------===//

#include "runtime/Data/DataSource.h"

#include "runtime/Data/ArraySource.h"
#include "runtime/Data/RandomSource.h"

#include <algorithm>
#include <optional>

using namespace fabric;
using namespace fabric::data;

static constexpr std::string_view randomWord = "random";

/// What follows "random" in "random" and "random:LOW:HIGH".
static std::optional<std::string_view> parseRandom(std::string_view text) {
  if (!text.starts_with(randomWord))
    return std::nullopt;
  text.remove_prefix(randomWord.size());
  if (!text.empty() && text[0] != ':')
    return std::nullopt;
  return text;
}

/// The inputs of the plan, for messages: "'x', 'y'".
static std::string inputNames(const plan::Plan &plan) {
  std::string text;
  for (const plan::Input &input : plan.inputs)
    text += (text.empty() ? "'" : ", '") + input.name + "'";
  return text.empty() ? "none" : text;
}

/// The specs by input, and the one for all others.
namespace {
struct Specs {
  std::map<std::string, std::string, std::less<>> byInput;
  std::optional<std::string> others;
};
} // namespace

static Expected<Specs> sortSpecs(const std::vector<std::string> &texts,
                                 const plan::Plan &plan) {
  Specs specs;
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    if (equals == std::string::npos) {
      if (!parseRandom(text))
        return Status::error("--data=", text,
                             ": expected NAME=FILE.npy, NAME=random or random, "
                             "found '",
                             text, "'");
      if (specs.others)
        return Status::error("--data=", text,
                             ": expected random once, found it twice");
      specs.others = text;
      continue;
    }
    std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    bool isKnown =
        std::any_of(plan.inputs.begin(), plan.inputs.end(),
                    [&](const auto &input) { return input.name == name; });
    if (!isKnown)
      return Status::error("--data=", text, ": input, expected one of ",
                           inputNames(plan), ", found '", name, "'");
    if (value.empty())
      return Status::error("--data=", text,
                           ": expected a file or random after '=', found "
                           "nothing");
    if (!specs.byInput.emplace(name, value).second)
      return Status::error("--data=", text, ": expected input '", name,
                           "' once, found it twice");
  }
  return specs;
}

Expected<std::unique_ptr<DataSource>>
DataSource::open(const std::vector<std::string> &texts, const plan::Plan &plan,
                 uint64_t seed) {
  FABRIC_ASSIGN_OR_RETURN(Specs specs, sortSpecs(texts, plan));
  std::unique_ptr<DataSource> result(new DataSource());
  for (const plan::Input &input : plan.inputs) {
    auto own = specs.byInput.find(input.name);
    if (own == specs.byInput.end() && !specs.others)
      return Status::error("input '", input.name,
                           "': expected --data=", input.name,
                           "=FILE.npy or --data=random, found neither");
    const std::string &spec =
        own == specs.byInput.end() ? *specs.others : own->second;
    std::optional<std::string_view> random = parseRandom(spec);
    Expected<std::unique_ptr<InputSource>> source =
        random ? makeRandomSource(*random, input, seed)
               : openArraySource(spec, input, result->remarks);
    if (source.failed())
      return source.status().in("input '" + input.name + "'");
    result->sources.emplace(input.name, std::move(*source));
  }
  return result;
}

Status DataSource::read(std::string_view input, int64_t step, const Box &box,
                        void *shard) const {
  auto it = sources.find(input);
  if (it == sources.end())
    return Status::error("input '", input, "': the plan has none of this name");
  return it->second->read(step, box, shard)
      .in("input '" + std::string(input) + "'");
}
