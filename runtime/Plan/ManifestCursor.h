//===- ManifestCursor.h - Typed access to the manifest ----------*- C++ -*-===//
//
// Private to runtime/Plan.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_MANIFESTCURSOR_H
#define FABRIC_RUNTIME_PLAN_MANIFESTCURSOR_H

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/ManifestReader.h"

#include <limits>

namespace fabric::plan {

/// A value in the manifest that knows its place, for messages.
class Cursor {
public:
  explicit Cursor(const nlohmann::json &root) : value(root) {}

  int64_t integer() const {
    if (value.is_number_unsigned() &&
        value.get<uint64_t>() >
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      refuse("a 64-bit integer");
    if (!value.is_number_integer())
      refuse("an integer");
    return value.get<int64_t>();
  }
  double number() const {
    if (!value.is_number())
      refuse("a number");
    return value.get<double>();
  }
  bool boolean() const {
    if (!value.is_boolean())
      refuse("true or false");
    return value.get<bool>();
  }
  std::string text() const {
    if (!value.is_string())
      refuse("a string");
    return value.get<std::string>();
  }
  template <typename Enum, size_t N>
  Enum choice(const manifest::Names<Enum, N> &names) const {
    if (value.is_string())
      if (auto result =
              manifest::parse(names, value.get_ref<const std::string &>()))
        return *result;
    refuse(manifest::listOf(names));
  }
  /// The number of elements.
  size_t list() const {
    if (!value.is_array())
      refuse("a list");
    return value.size();
  }
  Cursor element(size_t index) const {
    return Cursor(value[index], *this, nullptr, index);
  }

  const nlohmann::json &raw() const { return value; }
  Cursor child(const nlohmann::json &member, const char *key) const {
    return Cursor(member, *this, key, 0);
  }

  [[noreturn]] void refuse(const std::string &expected) const {
    throw Damage{Status::error("manifest ", path(), ", expected ", expected,
                               ", found ", describeJson(value))};
  }
  [[noreturn]] void refuseKey(const std::string &key, bool isMissing) const {
    std::string quoted = nlohmann::json(key).dump();
    if (isMissing)
      throw Damage{Status::error("manifest ", path(), ", expected key ", quoted,
                                 ", found none")};
    throw Damage{Status::error("manifest ", path(),
                               ", expected known keys only, found ", quoted)};
  }

private:
  Cursor(const nlohmann::json &value, const Cursor &parent, const char *key,
         size_t index)
      : value(value), parent(&parent), key(key), index(index) {}

  std::string path() const {
    if (!parent)
      return "root";
    std::string prefix = parent->parent ? parent->path() : "";
    if (!key)
      return prefix + "[" + std::to_string(index) + "]";
    return prefix.empty() ? key : prefix + "." + key;
  }

  const nlohmann::json &value;
  const Cursor *parent = nullptr; ///< Lives longer: cursors are nested calls.
  const char *key = nullptr;
  size_t index = 0;
};

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_MANIFESTCURSOR_H
