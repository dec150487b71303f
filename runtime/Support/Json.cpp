//===- Json.cpp - Strict parsing of JSON from files -----------------------===//

#include "runtime/Support/Json.h"

#include <set>
#include <vector>

using namespace fabric;
using nlohmann::json;

namespace {

/// Walks a text without building anything, and stops at what json::parse would
/// accept and we do not. (json::parse with a callback could do the same, but it
/// takes quadratic time on long lists.)
class StrictnessCheck : public nlohmann::json_sax<json> {
public:
  std::string problem;

  bool start_object(size_t) override {
    keys.emplace_back();
    return enter();
  }
  bool end_object() override {
    keys.pop_back();
    return leave();
  }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(std::string &key) override {
    if (keys.back().insert(key).second)
      return true;
    problem = "expected distinct keys, found " + json(key).dump() + " twice";
    return false;
  }
  bool parse_error(size_t position, const std::string &,
                   const json::exception &) override {
    problem = "expected a valid text, found an error at byte " +
              std::to_string(position);
    return false;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t) override { return true; }
  bool number_float(double, const std::string &) override { return true; }
  bool string(std::string &) override { return true; }
  bool binary(json::binary_t &) override { return true; }

private:
  bool enter() {
    if (++depth <= maxJsonDepth)
      return true;
    problem = "expected a nesting of at most " + std::to_string(maxJsonDepth) +
              " levels, found more";
    return false;
  }
  bool leave() {
    --depth;
    return true;
  }

  int depth = 0;
  std::vector<std::set<std::string>> keys; ///< Of the open objects.
};

} // namespace

Expected<json> fabric::parseJson(std::string_view text) {
  try {
    StrictnessCheck check;
    if (!json::sax_parse(text.begin(), text.end(), &check))
      return Status::error("JSON, ", check.problem);
    return json::parse(text.begin(), text.end());
  } catch (const std::exception &error) { // Out of memory, at worst.
    return Status::error("JSON, cannot read it: ", error.what());
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
