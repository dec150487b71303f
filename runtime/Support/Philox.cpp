//===- Philox.cpp - Random numbers keyed by seed, name and index ----------===//

#include "runtime/Support/Philox.h"

#include <cmath>
#include <numbers>

using namespace fabric;

std::array<uint32_t, 4> fabric::philox4x32(std::array<uint32_t, 4> counter,
                                           std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t even = uint64_t(0xD2511F53) * counter[0];
    uint64_t odd = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(odd >> 32) ^ counter[1] ^ key[0], uint32_t(odd),
               uint32_t(even >> 32) ^ counter[3] ^ key[1], uint32_t(even)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

uint64_t fabric::hashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::array<uint64_t, 2> RandomTensor::block(uint64_t index) const {
  std::array<uint32_t, 4> words =
      philox4x32({uint32_t(index), uint32_t(index >> 32), uint32_t(nameHash),
                  uint32_t(nameHash >> 32)},
                 {uint32_t(seed), uint32_t(seed >> 32)});
  return {words[0] | uint64_t(words[1]) << 32, words[2] | uint64_t(words[3])
                                                              << 32};
}

double RandomTensor::uniform01(uint64_t index) const {
  return static_cast<double>(block(index)[0] >> 11) * 0x1p-53;
}

double RandomTensor::normal01(uint64_t index) const {
  std::array<uint64_t, 2> bits = block(index);
  // The radius takes a number in (0, 1], so that its logarithm is finite.
  double radius = static_cast<double>((bits[0] >> 11) + 1) * 0x1p-53;
  double angle = static_cast<double>(bits[1] >> 11) * 0x1p-53;
  return std::sqrt(-2.0 * std::log(radius)) *
         std::cos(2.0 * std::numbers::pi * angle);
}

int64_t RandomTensor::integer(uint64_t index, int64_t low, int64_t high) const {
  uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  uint64_t scaled = static_cast<uint64_t>(
      (static_cast<unsigned __int128>(block(index)[0]) * range) >> 64);
  return static_cast<int64_t>(static_cast<uint64_t>(low) + scaled);
}

namespace {

template <typename Element, typename Draw>
void fill(const std::vector<int64_t> &shape, const Box &box, Element *shard,
          Draw draw) {
  for (BoxRuns runs(shape, box); !runs.done(); runs.next())
    for (int64_t i = 0; i < runs.length(); ++i)
      shard[runs.local() + i] =
          convertFloat<Element>(draw(static_cast<uint64_t>(runs.global() + i)));
}

} // namespace

template <typename Element>
void fabric::fillUniform(const RandomTensor &tensor,
                         const std::vector<int64_t> &shape, const Box &box,
                         double low, double high, Element *shard) {
  fill(shape, box, shard, [&](uint64_t index) {
    return low + (high - low) * tensor.uniform01(index);
  });
}

template <typename Element>
void fabric::fillNormal(const RandomTensor &tensor,
                        const std::vector<int64_t> &shape, const Box &box,
                        double mean, double deviation, Element *shard) {
  fill(shape, box, shard, [&](uint64_t index) {
    return mean + deviation * tensor.normal01(index);
  });
}

#define FABRIC_INSTANTIATE(Element)                                            \
  template void fabric::fillUniform(const RandomTensor &,                      \
                                    const std::vector<int64_t> &, const Box &, \
                                    double, double, Element *);                \
  template void fabric::fillNormal(const RandomTensor &,                       \
                                   const std::vector<int64_t> &, const Box &,  \
                                   double, double, Element *);
FABRIC_INSTANTIATE(float)
FABRIC_INSTANTIATE(double)
FABRIC_INSTANTIATE(BFloat16)
FABRIC_INSTANTIATE(Float16)
#undef FABRIC_INSTANTIATE
