//===- Mutations.cpp - Edits that keep a file's outside intact ------------===//

#include "test/fuzz/Mutations.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

using namespace fabric::fuzz;
using nlohmann::json;

/// Every value of the document, in order; some are inside of others.
static void collect(json &value, std::vector<json *> &all) {
  all.push_back(&value);
  if (value.is_structured())
    for (json &member : value)
      collect(member, all);
}

static size_t below(Random &random, size_t bound) { return random() % bound; }

static json boundary(Random &random) {
  using Limits = std::numeric_limits<int64_t>;
  static const std::vector<json> values = {0,
                                           1,
                                           -1,
                                           2,
                                           3,
                                           7,
                                           8,
                                           16,
                                           64,
                                           255,
                                           4096,
                                           (1 << 20) + 1,
                                           std::numeric_limits<int32_t>::max(),
                                           int64_t(1) << 32,
                                           int64_t(1) << 44,
                                           int64_t(1) << 48,
                                           int64_t(1) << 62,
                                           Limits::max(),
                                           Limits::min(),
                                           Limits::max() / 4,
                                           std::numeric_limits<uint64_t>::max(),
                                           0.5,
                                           -0.0,
                                           1e308,
                                           1e-320,
                                           nullptr,
                                           true,
                                           "",
                                           json::array(),
                                           json::object()};
  return values[below(random, values.size())];
}

static void mutateText(json &value) {
  std::string text = value.get<std::string>();
  std::vector<uint8_t> bytes(text.begin(), text.end());
  bytes.resize(text.size() + 32);
  size_t size = LLVMFuzzerMutate(bytes.data(), text.size(), bytes.size());
  value = std::string(bytes.begin(), bytes.begin() + size);
}

/// A small step from the number that is there: most checks compare with it.
static void mutateNumber(json &value, Random &random) {
  if (!value.is_number_integer()) {
    value = boundary(random);
    return;
  }
  uint64_t number = value.get<uint64_t>();
  switch (below(random, 6)) {
  case 0:
    number += 1;
    break;
  case 1:
    number -= 1;
    break;
  case 2:
    number *= 2;
    break;
  case 3:
    number /= 2;
    break;
  case 4:
    number ^= uint64_t(1) << below(random, 64);
    break;
  default:
    value = boundary(random);
    return;
  }
  value = static_cast<int64_t>(number);
}

static void editList(json &list, Random &random) {
  size_t at = below(random, list.size());
  switch (below(random, 3)) {
  case 0:
    list.erase(at);
    break;
  case 1: {
    json copy = list[at];
    list.insert(list.begin() + static_cast<ptrdiff_t>(at), std::move(copy));
    break;
  }
  default:
    std::swap(list[at], list[below(random, list.size())]);
  }
}

static void editObject(json &object, Random &random) {
  auto it = object.begin();
  std::advance(it, below(random, object.size()));
  json key = it.key(), member = *it;
  switch (below(random, 4)) {
  case 0:
    object.erase(it);
    break;
  case 1:
    mutateText(key);
    object[key.get<std::string>()] = std::move(member);
    break;
  default: {
    // Members of one object often have one type: swap two values.
    auto other = object.begin();
    std::advance(other, below(random, object.size()));
    std::swap(*it, *other);
  }
  }
}

void fabric::fuzz::editJson(json &document, Random &random) {
  std::vector<json *> all;
  collect(document, all);
  json &value = *all[below(random, all.size())];
  if (below(random, 8) == 0) {
    json other = *all[below(random, all.size())]; // A copy: it may hold value.
    if (other.size() < 64)
      value = std::move(other);
    return;
  }
  if (below(random, 16) == 0)
    value = boundary(random);
  else if (value.is_number())
    mutateNumber(value, random);
  else if (value.is_string())
    mutateText(value);
  else if (value.is_boolean())
    value = !value.get<bool>();
  else if (value.is_array() && !value.empty())
    editList(value, random);
  else if (value.is_object() && !value.empty())
    editObject(value, random);
  else
    value = boundary(random);
}
