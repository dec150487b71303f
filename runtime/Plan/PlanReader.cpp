//===- PlanReader.cpp - compiled.bin to a verified plan -------------------===//
//
// Three layers, each of which relies on the one before: the envelope (magic,
// version, lengths, SHA-256), the manifest (JSON to structs: types, enums, no
// unknown or missing keys: ManifestReader.h), the plan (verifyPlan). Memory is
// proportional to the file at every point.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanReader.h"

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/ManifestReader.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Sha256.h"

#include <algorithm>
#include <cstring>

using namespace fabric;
using namespace fabric::plan;

static uint64_t readInteger(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

namespace {
/// The manifest's text, and the sections without the padding before them.
struct Envelope {
  std::string_view manifest;
  std::span<const std::byte> sections;
};
} // namespace

static Expected<Envelope> openEnvelope(std::span<const std::byte> bytes) {
  int64_t size = static_cast<int64_t>(bytes.size());
  int64_t smallest = manifest::headerBytes + manifest::digestBytes;
  size_t common = std::min(bytes.size(), manifest::magic.size());
  if (size == 0 ||
      std::memcmp(bytes.data(), manifest::magic.data(), common) != 0)
    return Status::error("magic, expected ", manifest::magic,
                         ", found other bytes: not a compiled plan");
  if (size < smallest)
    return Status::error("size, expected at least ", smallest, " bytes, found ",
                         size);
  if (uint64_t version = readInteger(bytes.subspan(8, 4));
      version != manifest::version)
    return Status::error("format version, expected ", manifest::version,
                         ", found ", version,
                         ": compile the model again with this version");
  if (uint64_t reserved = readInteger(bytes.subspan(12, 4)); reserved != 0)
    return Status::error("reserved field, expected 0, found ", reserved);
  uint64_t manifestBytes = readInteger(bytes.subspan(16, 8));
  if (std::cmp_greater(manifestBytes, size - smallest))
    return Status::error("manifest size, expected at most ", size - smallest,
                         " bytes, found ", manifestBytes);

  auto content = bytes.first(bytes.size() - manifest::digestBytes);
  auto stored = bytes.last(manifest::digestBytes);
  FABRIC_ASSIGN_OR_RETURN(Sha256Digest digest, sha256(content));
  if (std::memcmp(stored.data(), digest.data(), digest.size()) != 0) {
    Sha256Digest expected;
    std::copy(stored.begin(), stored.end(), expected.begin());
    return Status::error("SHA-256, expected ", toHex(expected), ", found ",
                         toHex(digest), ": the file is damaged");
  }

  Envelope envelope;
  envelope.manifest = std::string_view(
      reinterpret_cast<const char *>(bytes.data()) + manifest::headerBytes,
      manifestBytes);
  size_t end = manifest::headerBytes + manifestBytes;
  auto rest = content.subspan(end);
  // Without sections there is no padding either.
  size_t padding = rest.empty() ? 0 : -end % manifest::sectionAlignment;
  if (padding > rest.size() ||
      std::any_of(rest.begin(), rest.begin() + padding,
                  [](std::byte byte) { return byte != std::byte{0}; }))
    return Status::error("padding after the manifest, expected ", padding,
                         " zeros, found other bytes");
  envelope.sections = rest.subspan(padding);
  return envelope;
}

static Expected<Plan> readAndVerify(std::span<const std::byte> bytes) {
  FABRIC_ASSIGN_OR_RETURN(Envelope envelope, openEnvelope(bytes));
  Expected<nlohmann::json> manifest = parseJson(envelope.manifest);
  if (manifest.failed())
    return manifest.status().in("manifest");
  Plan plan = readManifest(*manifest, envelope.sections);
  FABRIC_RETURN_IF_ERROR(verifyPlan(plan));
  return plan;
}

/// Messages quote names of the plan: a line break in one stays out.
static Status oneLine(const Status &status, const std::string &file) {
  std::string text = status.message();
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      c = '?';
  return Status::error(file, ": ", text);
}

Expected<Plan> plan::readPlan(std::span<const std::byte> bytes,
                              const std::string &file) {
  try {
    Expected<Plan> plan = readAndVerify(bytes);
    if (plan.failed())
      return oneLine(plan.status(), file);
    return plan;
  } catch (const Damage &damage) {
    return oneLine(damage.status, file);
  } catch (const std::exception &error) { // Out of memory, at worst.
    return Status::error(file, ": cannot read the plan: ", error.what());
  }
}

Expected<Plan> plan::readPlanFile(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(std::vector<std::byte> bytes,
                          readFile(path, maxPlanBytes));
  return readPlan(bytes, path);
}
