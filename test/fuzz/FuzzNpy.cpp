//===- FuzzNpy.cpp - An array file and a read of what it promises ---------===//
//
// The mutator edits the header as text, sets its length again, and gives the
// file as many bytes of data as the sizes between the parentheses ask for.
//
//===----------------------------------------------------------------------===//

#include "runtime/Checkpoint/Npy.h"
#include "test/fuzz/MemoryFile.h"
#include "test/fuzz/Mutations.h"

#include <cstring>

using namespace fabric;
using namespace fabric::checkpoint;

static constexpr size_t prefixBytes = 10; // Of version 1.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::MemoryFile file;
  file.fill(data, size);
  auto reader = NpyReader::open(file.path());
  if (reader.failed())
    return 0;
  Box box = Box::whole(reader->shape());
  std::vector<std::byte> shard(size + 1);
  if (!reader->readShard(box, shard.data()).ok())
    std::abort(); // The file was checked when it was opened.
  for (size_t dim = 0; dim < box.sizes.size(); ++dim)
    if (box.sizes[dim] > 1) {
      box.offsets[dim] = 1;
      box.sizes[dim] -= 1;
    }
  if (!reader->readShard(box, shard.data()).ok())
    std::abort();
  return 0;
}

/// The product of the sizes in the header's last parentheses, times the digit
/// of the dtype, where that is small.
static size_t dataBytes(const std::string &header, size_t otherwise) {
  size_t open = header.rfind('('), close = header.rfind(')');
  size_t descr = header.find_first_of("<|");
  if (open == std::string::npos || close == std::string::npos ||
      descr == std::string::npos || descr + 2 >= header.size())
    return otherwise;
  uint64_t product = static_cast<uint64_t>(header[descr + 2] - '0') & 15;
  uint64_t size = 0;
  bool inside = false;
  for (size_t i = open + 1; i <= close && i < header.size(); ++i) {
    bool isDigit = header[i] >= '0' && header[i] <= '9';
    if (isDigit)
      size = size * 10 + static_cast<uint64_t>(header[i] - '0');
    else if (inside)
      product *= std::exchange(size, 0);
    inside = isDigit;
    if (product > 4096)
      return otherwise;
  }
  return static_cast<size_t>(product);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned int seed) {
  fuzz::Random random(seed);
  size_t length = size < prefixBytes ? 0 : data[8] | size_t(data[9]) << 8;
  if (random() % 16 == 0 || size < prefixBytes || data[6] != 1 ||
      length > size - prefixBytes)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string text(reinterpret_cast<char *>(data) + prefixBytes, length);
  text.resize(length + 64);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(text.data()), length,
                               text.size()));
  size_t rest = size - prefixBytes - length;
  if (random() % 4 != 0)
    rest = dataBytes(text, rest);
  if (text.size() > 0xffff || prefixBytes + text.size() + rest > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  data[8] = static_cast<uint8_t>(text.size());
  data[9] = static_cast<uint8_t>(text.size() >> 8);
  std::memcpy(data + prefixBytes, text.data(), text.size());
  std::memset(data + prefixBytes + text.size(), 1, rest);
  return prefixBytes + text.size() + rest;
}
