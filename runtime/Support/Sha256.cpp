//===- Sha256.cpp - SHA-256 over libcrypto --------------------------------===//

#include "runtime/Support/Sha256.h"

#include <openssl/evp.h>

using namespace fabric;

Expected<Sha256Digest> fabric::sha256(std::span<const std::byte> bytes) {
  Sha256Digest digest;
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(),
                 reinterpret_cast<unsigned char *>(digest.data()), &length,
                 EVP_sha256(), nullptr) != 1 ||
      length != digest.size())
    return Status::error("libcrypto cannot compute a SHA-256");
  return digest;
}

std::string fabric::toHex(const Sha256Digest &digest) {
  std::string text;
  for (std::byte byte : digest) {
    unsigned value = std::to_integer<unsigned>(byte);
    text += "0123456789abcdef"[value >> 4];
    text += "0123456789abcdef"[value & 15];
  }
  return text;
}

Expected<std::string> fabric::sha256Hex(std::string_view text) {
  FABRIC_ASSIGN_OR_RETURN(
      Sha256Digest digest,
      sha256(std::as_bytes(std::span(text.data(), text.size()))));
  return toHex(digest);
}
