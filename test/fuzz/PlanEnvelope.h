//===- PlanEnvelope.h - Puts a plan file together again ---------*- C++ -*-===//

#ifndef FABRIC_TEST_FUZZ_PLANENVELOPE_H
#define FABRIC_TEST_FUZZ_PLANENVELOPE_H

#include "runtime/Plan/Manifest.h"
#include "runtime/Support/Sha256.h"

#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace fabric::fuzz {

/// A plan file of these parts with the right lengths, padding and SHA-256.
inline std::string sealPlan(std::string_view manifest,
                            std::string_view sections) {
  std::string file(plan::manifest::magic);
  auto append = [&](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      file += static_cast<char>(value >> (8 * i));
  };
  append(plan::manifest::version, 4);
  append(0, 4);
  append(manifest.size(), 8);
  file += manifest;
  if (!sections.empty())
    file.resize((file.size() + 63) / 64 * 64, '\0');
  file += sections;
  auto digest = sha256(std::as_bytes(std::span(file)));
  file.append(reinterpret_cast<const char *>(digest->data()), digest->size());
  return file;
}

/// The parts of a plan file whose lengths make sense, else false.
inline bool openPlan(std::string_view file, std::string_view &manifest,
                     std::string_view &sections) {
  constexpr size_t header = plan::manifest::headerBytes;
  constexpr size_t digest = plan::manifest::digestBytes;
  if (file.size() < header + digest)
    return false;
  uint64_t length = 0;
  std::memcpy(&length, file.data() + 16, sizeof(length));
  file.remove_suffix(digest);
  if (length > file.size() - header)
    return false;
  manifest = file.substr(header, length);
  size_t begin = (header + length + 63) / 64 * 64;
  sections = begin < file.size() ? file.substr(begin) : std::string_view();
  return true;
}

} // namespace fabric::fuzz

#endif // FABRIC_TEST_FUZZ_PLANENVELOPE_H
