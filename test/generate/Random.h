//===- Random.h - Draws that are the same everywhere ------------*- C++ -*-===//
//
// The standard library's distributions and shuffle differ between
// implementations; a seed must mean one program.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_RANDOM_H
#define FABRIC_TEST_GENERATE_RANDOM_H

#include "llvm/ADT/ArrayRef.h"
#include <random>

namespace mlir::fabric::generate {

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}

  /// A number from 0 to `count` - 1.
  unsigned below(unsigned count) { return engine() % count; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <typename T> const T &pick(llvm::ArrayRef<T> of) {
    return of[below(of.size())];
  }
  template <typename T> void shuffle(llvm::MutableArrayRef<T> range) {
    for (size_t i = range.size(); i > 1; --i)
      std::swap(range[i - 1], range[below(i)]);
  }

private:
  std::mt19937_64 engine;
};

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_RANDOM_H
