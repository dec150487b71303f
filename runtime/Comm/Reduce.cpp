//===- Reduce.cpp - Reductions over ranks, in their order -----------------===//

#include "runtime/Comm/Reduce.h"
#include "runtime/Comm/ReduceElement.h"

#include <algorithm>

namespace fabric::comm {
namespace {

/// Blocks keep the accumulators in the L1 cache while the sources stream by.
template <typename T, typename Op>
void reduce(const std::byte *const *sources, int n, int64_t count,
            std::byte *target) {
  using Acc = typename Element<T>::Accumulator;
  constexpr int64_t blockSize = 512;
  Acc block[blockSize];
  for (int64_t start = 0; start < count; start += blockSize) {
    int64_t length = std::min(blockSize, count - start);
    const T *first = reinterpret_cast<const T *>(sources[0]) + start;
    for (int64_t i = 0; i < length; ++i)
      block[i] = Element<T>::load(first[i]);
    for (int source = 1; source < n; ++source) {
      const T *next = reinterpret_cast<const T *>(sources[source]) + start;
      for (int64_t i = 0; i < length; ++i)
        block[i] = Op::template apply<Acc>(block[i], Element<T>::load(next[i]));
    }
    T *out = reinterpret_cast<T *>(target) + start;
    for (int64_t i = 0; i < length; ++i)
      out[i] = Element<T>::store(block[i]);
  }
}

template <typename Op> ReduceFn functionFor(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return reduce<float, Op>;
  case DType::F64:
    return reduce<double, Op>;
  case DType::BF16:
    return reduce<BFloat16, Op>;
  case DType::F16:
    return reduce<Float16, Op>;
  case DType::I32:
    return reduce<int32_t, Op>;
  case DType::I64:
    return reduce<int64_t, Op>;
  case DType::I8:
    return reduce<int8_t, Op>;
  case DType::Bool:
    return nullptr;
  }
  return nullptr;
}

} // namespace

ReduceFn reduceFunction(DType dtype, Reduction reduction) {
  switch (reduction) {
  case Reduction::Sum:
    return functionFor<Sum>(dtype);
  case Reduction::Max:
    return functionFor<Max>(dtype);
  case Reduction::Min:
    return functionFor<Min>(dtype);
  }
  return nullptr;
}

} // namespace fabric::comm
