//===- FuzzSafetensors.cpp - A weights file and reads of what it promises -===//
//
// The mutator edits the header as text or JSON, sets its length again, and
// gives the file as many bytes of data as the header then asks for.
//
//===----------------------------------------------------------------------===//

#include "runtime/Checkpoint/Safetensors.h"
#include "test/fuzz/MemoryFile.h"
#include "test/fuzz/Mutations.h"

#include <cstring>

using namespace fabric;
using namespace fabric::checkpoint;
using nlohmann::json;

static constexpr size_t prefixBytes = 8;
static constexpr int64_t maxRead = 1 << 16;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::MemoryFile file;
  file.fill(data, size);
  auto reader = SafetensorsReader::open(file.path());
  if (reader.failed())
    return 0;
  for (const auto &[name, region] : reader->tensors()) {
    Box box = Box::whole(region.shape);
    // Zero sizes make no elements of any number of dims.
    if (box.numElements() > maxRead)
      continue;
    std::vector<double> shard(static_cast<size_t>(box.numElements()) + 1);
    (void)reader->check(name, DType::F32, region.shape, Conversion::Float);
    if (!reader->readShard(name, region.dtype, region.shape, box, shard.data())
             .ok())
      std::abort(); // The file was checked when it was opened.
    (void)reader->readShard(name, DType::F64, region.shape, box, shard.data(),
                            Conversion::Float);
  }
  return 0;
}

/// The bytes of data that the header asks for, if they are few.
static size_t dataBytes(const json &header, size_t otherwise) {
  uint64_t end = 0;
  if (!header.is_object())
    return otherwise;
  for (const json &tensor : header) {
    if (!tensor.is_object() || !tensor.contains("data_offsets"))
      continue;
    const json &offsets = tensor["data_offsets"];
    if (offsets.is_array() && offsets.size() == 2 &&
        offsets[1].is_number_unsigned())
      end = std::max(end, offsets[1].get<uint64_t>());
  }
  return end <= 4096 ? static_cast<size_t>(end) : otherwise;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned int seed) {
  fuzz::Random random(seed);
  uint64_t length = 0;
  if (size >= prefixBytes)
    std::memcpy(&length, data, prefixBytes);
  if (random() % 16 == 0 || size < prefixBytes || length > size - prefixBytes)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string text(reinterpret_cast<char *>(data) + prefixBytes, length);
  json header = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (header.is_discarded() || random() % 4 == 0) {
    text.resize(length + 64);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(text.data()),
                                 length, text.size()));
    header = json::parse(text, nullptr, /*allow_exceptions=*/false);
  } else {
    fuzz::editJson(header, random);
    text = header.dump(-1, ' ', false, json::error_handler_t::ignore);
  }
  size_t rest = size - prefixBytes - length;
  if (random() % 4 != 0)
    rest = dataBytes(header, rest);
  if (prefixBytes + text.size() + rest > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  length = text.size();
  std::memcpy(data, &length, prefixBytes);
  std::memcpy(data + prefixBytes, text.data(), text.size());
  std::memset(data + prefixBytes + text.size(), 0x3f, rest);
  return prefixBytes + text.size() + rest;
}
