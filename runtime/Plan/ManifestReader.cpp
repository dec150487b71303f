//===- ManifestReader.cpp - JSON to the structs of a plan -----------------===//
//
// What the keys are is in ManifestKeys.h; here is how a value of each type is
// read, and what the file's sections have to do with those of the manifest.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/ManifestReader.h"

#include "runtime/Plan/ManifestCursor.h"
#include "runtime/Plan/ManifestKeys.h"
#include "runtime/Support/CheckedMath.h"

#include <algorithm>

namespace fabric::plan {

namespace {
/// Takes the keys of an object one after the other; done() refuses the others.
class Keys {
public:
  explicit Keys(const Cursor &cursor) : cursor(cursor) {
    if (!cursor.raw().is_object())
      cursor.refuse("an object");
  }
  Cursor operator[](const char *key) {
    auto it = cursor.raw().find(key);
    if (it == cursor.raw().end())
      cursor.refuseKey(key, /*isMissing=*/true);
    taken.push_back(key);
    return cursor.child(*it, key);
  }
  void done() const {
    if (taken.size() == cursor.raw().size())
      return;
    for (const auto &[key, value] : cursor.raw().items())
      if (std::find(taken.begin(), taken.end(), key) == taken.end())
        cursor.refuseKey(key, /*isMissing=*/false);
  }

  // What ManifestKeys.h asks for.
  template <typename T> void operator()(const char *key, T &value) {
    read((*this)[key], value);
  }
  template <typename T>
  void operator()(const char *key, std::optional<T> &value) {
    if (has(key))
      read((*this)[key], value.emplace());
  }
  template <typename T>
  void operator()(const char *key, T &value,
                  const std::type_identity_t<T> &absent, const char *expected) {
    if (!has(key))
      return;
    Cursor member = (*this)[key];
    read(member, value);
    if (value == absent) // One way to say it: no key.
      member.refuse(expected);
  }
  bool hasOptional(const char *key, bool) const { return has(key); }
  void require(bool holds, const char *expected) const {
    if (!holds)
      cursor.refuse(expected);
  }
  template <typename... Ops> void oneOf(std::variant<Ops...> &op) {
    size_t index = (*this)["op"].choice(manifest::ops), candidate = 0;
    ((candidate++ == index ? describe(*this, op.template emplace<Ops>())
                           : void()),
     ...);
  }

private:
  bool has(const char *key) const { return cursor.raw().contains(key); }

  const Cursor &cursor;
  std::vector<std::string_view> taken;
};
} // namespace

// One a type. In the namespace of Cursor, so that each finds all others.

static void read(const Cursor &cursor, int64_t &value) {
  value = cursor.integer();
}
static void read(const Cursor &cursor, double &value) {
  value = cursor.number();
}
static void read(const Cursor &cursor, bool &value) {
  value = cursor.boolean();
}
static void read(const Cursor &cursor, std::string &value) {
  value = cursor.text();
}

template <typename Enum>
requires std::is_enum_v<Enum>
static void read(const Cursor &cursor, Enum &value) {
  value = cursor.choice(manifest::namesOf(value));
}

template <typename T>
static void read(const Cursor &cursor, std::vector<T> &list) {
  size_t count = cursor.list();
  list.reserve(count);
  for (size_t i = 0; i < count; ++i)
    read(cursor.element(i), list.emplace_back());
}

static void read(const Cursor &cursor, std::array<int64_t, 3> &extents) {
  if (cursor.list() != extents.size())
    cursor.refuse("three integers");
  for (size_t i = 0; i < extents.size(); ++i)
    read(cursor.element(i), extents[i]);
}

static void read(const Cursor &cursor,
                 std::map<std::string, std::string> &options) {
  if (!cursor.raw().is_object())
    cursor.refuse("an object");
  for (const auto &[key, value] : cursor.raw().items())
    options.emplace(key, cursor.child(value, key.c_str()).text());
}

static void read(const Cursor &cursor, Sharding &sharding) {
  read(cursor, sharding.dims);
}

template <typename Struct>
static void read(const Cursor &cursor, Struct &value) {
  Keys keys(cursor);
  describe(keys, value);
  keys.done();
}

/// The sections are back to back, each at the next aligned offset, and end
/// where the digest begins: `area` is exactly what they must fill.
static void readSections(const Cursor &cursor, std::span<const std::byte> area,
                         Plan &plan) {
  int64_t end = 0;
  for (size_t i = 0, count = cursor.list(); i < count; ++i) {
    Cursor element = cursor.element(i);
    Keys keys(element);
    std::string name = keys["name"].text();
    Cursor offset = keys["offset"], bytes = keys["bytes"];
    int64_t begin = *checkedAlign(end, manifest::sectionAlignment);
    if (offset.integer() != begin)
      offset.refuse(std::to_string(begin));
    int64_t size = bytes.integer();
    int64_t available = static_cast<int64_t>(area.size()) - begin;
    if (size < 0 || size > available)
      bytes.refuse("at most the " + std::to_string(available) +
                   " bytes that the file has");
    auto padding = area.subspan(end, begin - end);
    if (std::any_of(padding.begin(), padding.end(),
                    [](std::byte byte) { return byte != std::byte{0}; }))
      offset.refuse("zeros before it");
    auto content = area.subspan(begin, size);
    end = begin + size;
    keys.done();
    if (!plan.sections.try_emplace(name, content.begin(), content.end()).second)
      element.refuse("distinct names");
  }
  if (std::cmp_not_equal(end, area.size()))
    cursor.refuse(std::to_string(area.size()) + " bytes of sections");
}

Plan readManifest(const nlohmann::json &manifest,
                  std::span<const std::byte> sections) {
  Cursor root(manifest);
  Keys keys(root);
  Plan plan;
  describe(keys, plan);
  readSections(keys["sections"], sections, plan);
  keys.done();
  return plan;
}

} // namespace fabric::plan
