//===- Sha256.h - SHA-256 over libcrypto ------------------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_SUPPORT_SHA256_H
#define FABRIC_RUNTIME_SUPPORT_SHA256_H

#include "runtime/Support/Status.h"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fabric {

using Sha256Digest = std::array<std::byte, 32>;

Expected<Sha256Digest> sha256(std::span<const std::byte> bytes);

/// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256Digest &digest);

/// toHex(sha256(text)).
Expected<std::string> sha256Hex(std::string_view text);

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_SHA256_H
