//===- PlanWriter.cpp - A plan to the bytes of compiled.bin ---------------===//
//
// README.md has the format. Keys keep the order of ManifestKeys.h, numbers are
// printed by nlohmann/json (doubles in the shortest form that reads back the
// same), so that equal plans are equal bytes.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanWriter.h"

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/ManifestKeys.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Support/CheckedMath.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Sha256.h"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace fabric;
using namespace fabric::plan;
using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

namespace {

template <typename T> Json toJson(const T &value);

/// Makes an object of the keys that ManifestKeys.h tells of.
class Keys {
public:
  template <typename T> void operator()(const char *key, const T &value) {
    object[key] = toJson(value);
  }
  template <typename T>
  void operator()(const char *key, const std::optional<T> &value) {
    if (value)
      object[key] = toJson(*value);
  }
  template <typename T>
  void operator()(const char *key, const T &value,
                  const std::type_identity_t<T> &absent, const char *) {
    if (!(value == absent))
      object[key] = toJson(value);
  }
  bool hasOptional(const char *, bool isThere) const { return isThere; }
  void require(bool, const char *) const {}
  template <typename... Ops> void oneOf(const std::variant<Ops...> &op) {
    object["op"] = manifest::nameOf(manifest::ops, op.index());
    std::visit([this](const auto &held) { describe(*this, held); }, op);
  }

  Json object = Json::object();
};

template <typename T> Json listOf(const std::vector<T> &list) {
  Json array = Json::array();
  for (const T &element : list)
    array.push_back(toJson(element));
  return array;
}

template <typename T> struct IsVector : std::false_type {};
template <typename T> struct IsVector<std::vector<T>> : std::true_type {};

template <typename T> Json toJson(const T &value) {
  if constexpr (std::is_enum_v<T>) {
    return manifest::nameOf(manifest::namesOf(value), value);
  } else if constexpr (std::is_same_v<T, Sharding>) {
    return listOf(value.dims);
  } else if constexpr (IsVector<T>::value) {
    return listOf(value);
  } else if constexpr (requires(Keys & keys) { describe(keys, value); }) {
    Keys keys;
    describe(keys, value);
    return keys.object;
  } else {
    return value;
  }
}

} // namespace

static Json manifestOf(const Plan &plan) {
  Json sections = Json::array();
  int64_t offset = 0;
  for (const auto &[name, bytes] : plan.sections) {
    offset = *checkedAlign(offset, manifest::sectionAlignment);
    sections.push_back(
        {{"name", name}, {"offset", offset}, {"bytes", bytes.size()}});
    offset += static_cast<int64_t>(bytes.size());
  }
  Json manifest = toJson(plan);
  manifest["sections"] = std::move(sections);
  return manifest;
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

namespace {
/// Bytes that grow; numbers are little endian on every host.
class ByteWriter {
public:
  void append(const void *data, size_t size) {
    const auto *first = static_cast<const std::byte *>(data);
    bytes.insert(bytes.end(), first, first + size);
  }
  void appendInteger(uint64_t value, int width) {
    for (int i = 0; i < width; ++i)
      bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void padTo(size_t alignment) {
    while (bytes.size() % alignment != 0)
      bytes.push_back(std::byte{0});
  }
  std::vector<std::byte> bytes;
};
} // namespace

Expected<std::vector<std::byte>> plan::writePlan(const Plan &plan) {
  FABRIC_RETURN_IF_ERROR(verifyPlan(plan));
  std::string text;
  try {
    text = manifestOf(plan).dump();
  } catch (const std::exception &) { // A string that is not UTF-8.
    return Status::error("plan, expected names in UTF-8, found others");
  }
  ByteWriter writer;
  writer.append(manifest::magic.data(), manifest::magic.size());
  writer.appendInteger(manifest::version, 4);
  writer.appendInteger(0, 4);
  writer.appendInteger(text.size(), 8);
  writer.append(text.data(), text.size());
  for (const auto &[name, bytes] : plan.sections) {
    writer.padTo(manifest::sectionAlignment);
    writer.append(bytes.data(), bytes.size());
  }
  FABRIC_ASSIGN_OR_RETURN(Sha256Digest digest, sha256(writer.bytes));
  writer.append(digest.data(), digest.size());
  return std::move(writer.bytes);
}

Status plan::writePlanFile(const Plan &plan, const std::string &path) {
  Expected<std::vector<std::byte>> bytes = writePlan(plan);
  if (bytes.failed())
    return bytes.status().in(path);
  return writeFileAtomically(path, *bytes);
}
