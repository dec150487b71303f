//===- Json.h - Strict parsing of JSON from files ---------------*- C++ -*-===//
//
// Both file formats with JSON in them come from outside. On top of what
// nlohmann/json checks, this refuses duplicate keys (the last would win,
// silently) and deep nesting (memory far beyond the size of the text).
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_JSON_H
#define FABRIC_RUNTIME_SUPPORT_JSON_H

#include "runtime/Support/Status.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace fabric {

/// Deepest nesting of arrays and objects that is read.
inline constexpr int maxJsonDepth = 32;

/// Parses `text`. The message of a failure does not name a file.
Expected<nlohmann::json> parseJson(std::string_view text);

/// What a JSON value is, and its text if short: `string "f32"`, `a list`.
std::string describeJson(const nlohmann::json &value);

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_JSON_H
