//===- PlanReaderTest.cpp - Manifests that are not what they should be ----===//
//
// The manifest of a valid plan, changed, and sealed again with a right
// checksum: what a hostile or a buggy writer makes.
//
//===----------------------------------------------------------------------===//

#include "StatusMatchers.h"
#include "TestPlan.h"

#include "runtime/Plan/PlanReader.h"
#include "runtime/Plan/PlanWriter.h"
#include "runtime/Support/Sha256.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <functional>
#include <set>

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;
using nlohmann::json;

namespace {

/// The parts of a plan file.
struct Parts {
  std::string manifest, sections;

  static Parts valid() {
    std::vector<std::byte> bytes = *writePlan(makePeerPlan());
    std::string text(reinterpret_cast<const char *>(bytes.data()),
                     bytes.size());
    uint64_t length;
    std::memcpy(&length, text.data() + 16, 8);
    size_t base = (24 + length + 63) / 64 * 64;
    return {text.substr(24, length),
            text.substr(base, text.size() - 32 - base)};
  }

  std::string sealed() const {
    uint64_t length = manifest.size();
    std::string text = std::string("FABRPLAN\1\0\0\0\0\0\0\0", 16) +
                       std::string(reinterpret_cast<char *>(&length), 8) +
                       manifest;
    if (!sections.empty())
      text.resize((text.size() + 63) / 64 * 64, '\0');
    return seal(text + sections);
  }

  static std::string seal(std::string text) {
    Sha256Digest digest = *sha256(std::as_bytes(std::span(text)));
    text.append(reinterpret_cast<char *>(digest.data()), digest.size());
    return text;
  }
};

Expected<Plan> readText(const std::string &text) {
  return readPlan(std::as_bytes(std::span(text)), "p.bin");
}

/// Reads the valid plan with its manifest changed.
Expected<Plan> readChanged(const std::function<void(json &)> &change) {
  Parts parts = Parts::valid();
  json manifest = json::parse(parts.manifest);
  change(manifest);
  parts.manifest = manifest.dump();
  return readText(parts.sealed());
}

} // namespace

TEST(PlanReader, UnchangedPartsAreAccepted) {
  EXPECT_TRUE(succeeded(readText(Parts::valid().sealed())));
  EXPECT_TRUE(succeeded(readChanged([](json &) {})));
}

TEST(PlanReader, ManifestMustBeStrictJson) {
  Parts parts = Parts::valid();
  parts.manifest = "{";
  EXPECT_TRUE(failedWith(readText(parts.sealed()),
                         "p.bin: manifest: JSON, expected a valid text"));
  parts.manifest = "[]";
  EXPECT_TRUE(failedWith(readText(parts.sealed()),
                         "p.bin: manifest root, expected an object, found a "
                         "list of 0"));
  parts.manifest = R"({"mode": "train", "mode": "inference"})";
  EXPECT_TRUE(failedWith(readText(parts.sealed()), "\"mode\" twice"));
  parts.manifest = std::string(1000000, '[');
  EXPECT_TRUE(failedWith(readText(parts.sealed()), "p.bin: manifest: JSON"));
}

// Whatever key of whatever object is missing or unknown is named.
TEST(PlanReader, EveryKeyIsNeededAndNoOtherIsKnown) {
  json valid = json::parse(Parts::valid().manifest);
  std::vector<json::json_pointer> objects;
  std::function<void(const json &, json::json_pointer)> visit =
      [&](const json &value, json::json_pointer where) {
        if (value.is_object()) {
          objects.push_back(where);
          for (const auto &[key, member] : value.items())
            visit(member, where / key);
        } else if (value.is_array()) {
          for (size_t i = 0; i < value.size(); ++i)
            visit(value[i], where / i);
        }
      };
  visit(valid, json::json_pointer());
  ASSERT_GT(objects.size(), 30u);
  // What an absent key means something for.
  std::set<std::string> optional = {"init",       "batch_dim", "bias",
                                    "concat_dim", "split_dim", "size",
                                    "peer",       "needs"};
  for (const json::json_pointer &where : objects) {
    if (where.to_string() == "/options")
      continue;
    EXPECT_TRUE(failedWith(readChanged([&](json &m) { m[where]["zz"] = 0; }),
                           "expected known keys only, found \"zz\""))
        << where;
    for (const auto &[key, member] : valid[where].items())
      if (!optional.count(key))
        EXPECT_TRUE(
            failedWith(readChanged([&](json &m) { m[where].erase(key); }),
                       key == "pre_size" ? "expected key" : "\"" + key + "\""))
            << where << " " << key;
  }
}

// Every value replaced by one of each other type: never a crash, and never
// accepted silently where the type is wrong.
TEST(PlanReader, EveryValueOfAWrongTypeIsRefused) {
  json flat = json::parse(Parts::valid().manifest).flatten();
  std::vector<json> wrong = {json(nullptr), json(json::array({1.5})),
                             json(json::object({{"a", 1}}))};
  for (const auto &[where, value] : flat.items()) {
    json::json_pointer pointer(where);
    for (const json &replacement : wrong)
      EXPECT_TRUE(failedWith(
          readChanged([&](json &m) { m[pointer] = replacement; }), ", found "))
          << where << " = " << replacement;
    if (!value.is_string())
      EXPECT_TRUE(failedWith(readChanged([&](json &m) { m[pointer] = "x"; }),
                             ", found \"x\""))
          << where;
    if (value.is_number_integer()) {
      EXPECT_TRUE(failedWith(readChanged([&](json &m) { m[pointer] = 0.5; }),
                             "expected an integer, found 0.5"))
          << where;
      EXPECT_TRUE(
          failedWith(readChanged([&](json &m) { m[pointer] = UINT64_MAX; }),
                     "expected a 64-bit integer"))
          << where;
      EXPECT_TRUE(
          failedWith(readChanged([&](json &m) { m[pointer] = -1; }), "-1"))
          << where;
    }
  }
}

TEST(PlanReader, MessagesNameThePlace) {
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["buffers"][2]["dtype"] = "f8"; }),
      "p.bin: manifest buffers[2].dtype, expected f32, bf16, f16, f64, i8, "
      "i32, i64 or bool, found \"f8\""));
  EXPECT_TRUE(failedWith(readChanged([](json &m) { m["mode"] = "dream"; }),
                         "p.bin: manifest mode, expected inference, gradients "
                         "or train, found \"dream\""));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][0]["op"] = "jump"; }),
      "p.bin: manifest instructions[0].op, expected gemm, launch, collective, "
      "copy, barrier, record or wait, found \"jump\""));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["needs"]["shared_memory"] = false; }),
      "p.bin: manifest needs, expected a need"));
  // There is one way to say what is not there.
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][1]["tf32"] = false; }),
      "instructions[1].tf32, expected true, found false"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][1]["stream"] = 0; }),
      "instructions[1].stream, expected another stream than the first, found "
      "0"));
  EXPECT_TRUE(
      failedWith(readChanged([](json &m) { m["streams"] = json::array(); }),
                 "manifest streams, expected streams, found a list of 0"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][0]["kind"] = "gossip"; }),
      "instructions[0].kind, expected all_gather, reduce_scatter, all_reduce, "
      "all_to_all or all_slice"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][3]["reduction"] = "xor"; }),
      "instructions[3].reduction, expected sum, max or min, found \"xor\""));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["parameters"][0]["init"]["kind"] = "x"; }),
      "parameters[0].init.kind, expected uniform, normal or constant"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["instructions"][3]["axes"][1]["size"] = 0; }),
      "instructions[3].axes[1], expected a sub-axis"));
  // The verifier's, with the file in front, and in one line.
  EXPECT_TRUE(failedWith(readChanged([](json &m) {
                           m["parameters"][0]["sharding"][0][0]["axis"] =
                               "a\nb";
                         }),
                         "p.bin: parameter 'w1': axis, expected one of mesh"));
}

TEST(PlanReader, SectionsMustFillTheFile) {
  EXPECT_TRUE(
      failedWith(readChanged([](json &m) { m["sections"][1]["offset"] = 64; }),
                 "sections[1].offset, expected 128, found 64"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["sections"][1]["offset"] = INT64_MAX; }),
      "sections[1].offset, expected 128"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["sections"][1]["bytes"] = INT64_MAX; }),
      "sections[1].bytes, expected at most the 96 bytes that the file has"));
  EXPECT_TRUE(
      failedWith(readChanged([](json &m) { m["sections"][1]["bytes"] = 95; }),
                 "sections, expected 224 bytes of sections"));
  EXPECT_TRUE(failedWith(
      readChanged([](json &m) { m["sections"][1]["name"] = "code"; }),
      "sections[1], expected distinct names"));
  EXPECT_TRUE(
      failedWith(readChanged([](json &m) { m["sections"] = json::array(); }),
                 "sections, expected 224 bytes of sections"));
  Parts parts = Parts::valid();
  parts.sections[110] = 'x';
  EXPECT_TRUE(failedWith(readText(parts.sealed()),
                         "sections[1].offset, expected zeros before it"));
  parts = Parts::valid();
  std::string text = parts.sealed();
  text.resize(text.size() - 32);
  size_t end = 24 + parts.manifest.size();
  ASSERT_NE(end % 64, 0u) << "no padding to damage: change the test plan";
  text[end] = 'x';
  EXPECT_TRUE(
      failedWith(readText(Parts::seal(text)), "padding after the manifest"));
  text.resize(end + 1);
  EXPECT_TRUE(
      failedWith(readText(Parts::seal(text)), "padding after the manifest"));
}

// Bytes of the manifest changed at random places, with a right checksum: the
// reader returns, with a plan or with one line.
TEST(PlanReader, NoManifestCrashesIt) {
  Parts valid = Parts::valid();
  size_t accepted = 0, refused = 0;
  uint64_t state = 1;
  auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
  };
  for (int round = 0; round < 20000; ++round) {
    Parts parts = valid;
    for (uint64_t changes = 1 + next() % 3; changes > 0; --changes) {
      size_t at = next() % parts.manifest.size();
      static constexpr std::string_view alphabet = "0123456789-.e\",:[]{}tx\n";
      switch (next() % 3) {
      case 0:
        parts.manifest[at] = alphabet[next() % alphabet.size()];
        break;
      case 1:
        parts.manifest.erase(at, 1 + next() % 4);
        break;
      case 2:
        parts.manifest.insert(at, 1, alphabet[next() % alphabet.size()]);
        break;
      }
    }
    Expected<Plan> plan = readText(parts.sealed());
    if (plan.ok()) {
      ++accepted;
      continue;
    }
    ++refused;
    ASSERT_TRUE(failedWith(plan, "p.bin: "));
  }
  // Names and free texts may change, nearly nothing else.
  EXPECT_GT(refused, accepted);
}
