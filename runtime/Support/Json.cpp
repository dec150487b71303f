//===- Json.cpp - Strict parsing of JSON from files -----------------------===//

#include "runtime/Support/Json.h"

#include <set>
#include <vector>

using namespace fabric;
using nlohmann::json;

Expected<json> fabric::parseJson(std::string_view text) {
  std::vector<std::set<std::string>> open; // Keys seen, an entry an object.
  std::string duplicate;
  bool hasDuplicate = false, tooDeep = false;
  auto onEvent = [&](int depth, json::parse_event_t event, json &value) {
    switch (event) {
    case json::parse_event_t::object_start:
      open.emplace_back();
      [[fallthrough]];
    case json::parse_event_t::array_start:
      tooDeep |= depth >= maxJsonDepth;
      return depth < maxJsonDepth;
    case json::parse_event_t::object_end:
      open.pop_back();
      return true;
    case json::parse_event_t::key:
      if (!hasDuplicate &&
          !open.back().insert(value.get_ref<const std::string &>()).second) {
        hasDuplicate = true;
        duplicate = value.get_ref<const std::string &>();
      }
      return true;
    default:
      return true;
    }
  };
  try {
    json value = json::parse(text.begin(), text.end(), onEvent);
    if (tooDeep)
      return Status::error("JSON, expected a nesting of at most ", maxJsonDepth,
                           " levels, found more");
    if (hasDuplicate)
      return Status::error("JSON, expected distinct keys, found ",
                           json(duplicate).dump(), " twice");
    return value;
  } catch (const json::parse_error &error) {
    return Status::error("JSON, expected a valid text, found an error at byte ",
                         error.byte);
  } catch (const std::exception &) {
    return Status::error("JSON, expected a valid text, found a damaged one");
  }
}

std::string fabric::describeJson(const json &value) {
  switch (value.type()) {
  case json::value_t::object:
    return "an object";
  case json::value_t::array:
    return "a list of " + std::to_string(value.size());
  default:
    break;
  }
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}
