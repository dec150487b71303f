//===- CudaMoves.cu - Copies and reductions on a GPU ----------------------===//
//
// A thread for each unit of a copy and for each element of a reduction, in the
// order of the target; where a row ends is found by dividing. A reduction reads
// its sources in their order, with the host's own functions: the same bits.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/CudaMoves.h"
#include "runtime/Comm/ReduceElement.h"

#include <algorithm>

namespace fabric::comm {
namespace {

constexpr int threadsOfBlock = 256;

/// Enough blocks to fill a GPU; threads go on where the grid ends.
unsigned blocksFor(int64_t work) {
  constexpr int64_t most = 8192;
  return static_cast<unsigned>(
      std::min((work + threadsOfBlock - 1) / threadsOfBlock, most));
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// A block and where in it a copy begins, all counted in units.
struct Block {
  int64_t row, stride, begin;

  __device__ int64_t placeOf(int64_t i) const {
    return (begin + i) / row * stride + (begin + i) % row;
  }
};

template <typename Unit>
__global__ void copyUnits(const Unit *source, Block from, Unit *target,
                          Block to, int64_t count) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < count; i += step)
    target[to.placeOf(i)] = source[from.placeOf(i)];
}

/// Counted in bytes.
struct Copy {
  const std::byte *source;
  Block from;
  std::byte *target;
  Block to;
  int64_t bytes;

  /// The widest unit that divides everything.
  int64_t unit() const {
    uint64_t all = reinterpret_cast<uintptr_t>(source) |
                   reinterpret_cast<uintptr_t>(target);
    for (int64_t size : {from.row, from.stride, from.begin, to.row, to.stride,
                         to.begin, bytes})
      all |= static_cast<uint64_t>(size);
    return static_cast<int64_t>(std::min<uint64_t>(all & -all, 16));
  }
};

template <typename Unit>
cudaError_t launchCopy(const Copy &copy, cudaStream_t stream) {
  auto inUnits = [](Block block) {
    constexpr int64_t width = sizeof(Unit);
    return Block{block.row / width, block.stride / width, block.begin / width};
  };
  int64_t count = copy.bytes / static_cast<int64_t>(sizeof(Unit));
  copyUnits<<<blocksFor(count), threadsOfBlock, 0, stream>>>(
      reinterpret_cast<const Unit *>(copy.source), inUnits(copy.from),
      reinterpret_cast<Unit *>(copy.target), inUnits(copy.to), count);
  return cudaGetLastError();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

template <typename T, typename Op>
__global__ void reduceElements(CudaSources sources, int n, int64_t row,
                               int64_t strideBytes, int64_t count, T *target) {
  using Acc = typename Element<T>::Accumulator;
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < count; i += step) {
    int64_t offset =
        i / row * strideBytes + i % row * static_cast<int64_t>(sizeof(T));
    auto load = [&](int source) {
      return Element<T>::load(
          *reinterpret_cast<const T *>(sources.address[source] + offset));
    };
    Acc result = load(0);
    for (int source = 1; source < n; ++source)
      result = Op::template apply<Acc>(result, load(source));
    target[i] = Element<T>::store(result);
  }
}

template <typename T, typename Op>
cudaError_t reduce(const CudaSources &sources, int n, Rows from,
                   std::byte *target, cudaStream_t stream) {
  int64_t row = from.bytes / static_cast<int64_t>(sizeof(T));
  int64_t count = from.count * row;
  reduceElements<T, Op><<<blocksFor(count), threadsOfBlock, 0, stream>>>(
      sources, n, row, from.stride, count, reinterpret_cast<T *>(target));
  return cudaGetLastError();
}

using Launcher = cudaError_t (*)(const CudaSources &, int, Rows, std::byte *,
                                 cudaStream_t);

template <typename Op> Launcher launcherFor(DType dtype) {
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

Launcher launcherFor(DType dtype, Reduction reduction) {
  switch (reduction) {
  case Reduction::Sum:
    return launcherFor<Sum>(dtype);
  case Reduction::Max:
    return launcherFor<Max>(dtype);
  case Reduction::Min:
    return launcherFor<Min>(dtype);
  }
  return nullptr;
}

} // namespace

cudaError_t launchCopyPart(const std::byte *source, Rows from, int64_t fromAt,
                           std::byte *target, Rows to, int64_t toAt,
                           int64_t bytes, cudaStream_t stream) {
  if (bytes == 0)
    return cudaSuccess;
  Copy copy{source,
            {from.bytes, from.stride, fromAt},
            target,
            {to.bytes, to.stride, toAt},
            bytes};
  switch (copy.unit()) {
  case 16:
    return launchCopy<uint4>(copy, stream);
  case 8:
    return launchCopy<uint2>(copy, stream);
  case 4:
    return launchCopy<uint32_t>(copy, stream);
  case 2:
    return launchCopy<uint16_t>(copy, stream);
  default:
    return launchCopy<uint8_t>(copy, stream);
  }
}

cudaError_t launchReduceRows(DType dtype, Reduction reduction,
                             const CudaSources &sources, int n, Rows from,
                             std::byte *target, cudaStream_t stream) {
  if (from.totalBytes() == 0)
    return cudaSuccess;
  Launcher launch = launcherFor(dtype, reduction);
  if (!launch || n < 1 || n > CudaSources::most)
    return cudaErrorInvalidValue;
  return launch(sources, n, from, target, stream);
}

} // namespace fabric::comm
