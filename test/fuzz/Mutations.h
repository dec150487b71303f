//===- Mutations.h - Edits that keep a file's outside intact ----*- C++ -*-===//

#ifndef FABRIC_TEST_FUZZ_MUTATIONS_H
#define FABRIC_TEST_FUZZ_MUTATIONS_H

#include "nlohmann/json.hpp"

#include <cstddef>
#include <cstdint>
#include <random>

/// libFuzzer's own mutation of bytes: dictionary, comparisons seen so far.
extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace fabric::fuzz {

using Random = std::minstd_rand;

/// One edit at a random place of the document: a number on a boundary, a value
/// taken from elsewhere, an element removed or repeated, a key renamed, a text
/// mutated, a value of another type.
void editJson(nlohmann::json &document, Random &random);

} // namespace fabric::fuzz

#endif // FABRIC_TEST_FUZZ_MUTATIONS_H
