//===- Philox.h - Random numbers keyed by seed, name and index --*- C++ -*-===//
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// 2011). An element's value is a pure function of (seed, tensor name, linear
// index in the global tensor): every mesh draws the same tensor, and a rank
// draws only its shard.
//
// The key is the seed, the counter is (index, FNV-1a hash of the name). One
// block of 128 bits serves one element: a uniform number takes the first 64
// bits of it, a normal one (Box-Muller) takes all.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_PHILOX_H
#define FABRIC_RUNTIME_SUPPORT_PHILOX_H

#include "runtime/Support/Box.h"
#include "runtime/Support/Float.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fabric {

/// One block of ten rounds, as published.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

/// 64-bit FNV-1a.
uint64_t hashName(std::string_view name);

/// The random tensor that (seed, name) stands for, of any shape: all numbers
/// depend on the linear index only.
class RandomTensor {
public:
  RandomTensor(uint64_t seed, std::string_view name)
      : seed(seed), nameHash(hashName(name)) {}

  /// In [0, 1), a multiple of 2^-53.
  double uniform01(uint64_t index) const;
  /// Mean 0, standard deviation 1.
  double normal01(uint64_t index) const;
  /// In [low, high), from 64 bits by multiplication; high > low.
  int64_t integer(uint64_t index, int64_t low, int64_t high) const;

private:
  std::array<uint64_t, 2> block(uint64_t index) const;

  uint64_t seed, nameHash;
};

/// Fill `shard`, dense and row major, with the elements in `box` of a tensor of
/// shape `shape`. Numbers are made in double and rounded once to the element
/// type: float, double, BFloat16 or Float16.
/// uniform: low + (high - low) * u. normal: mean + deviation * n.
template <typename Element>
void fillUniform(const RandomTensor &tensor, const std::vector<int64_t> &shape,
                 const Box &box, double low, double high, Element *shard);
template <typename Element>
void fillNormal(const RandomTensor &tensor, const std::vector<int64_t> &shape,
                const Box &box, double mean, double deviation, Element *shard);

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_PHILOX_H
