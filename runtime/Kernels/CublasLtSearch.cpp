//===- CublasLtSearch.cpp - The fastest algorithm, by the clock -----------===//
//
// Every algorithm runs once unseen and then a number of times between two
// events; the median counts, and of equals the one that the heuristic prefers.
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/CublasLtSearch.h"

#include "runtime/Device/CudaStatus.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace fabric::kernels {
namespace {

using device::cudaStatus;

constexpr int mostAlgorithms = 64;
constexpr size_t runs = 11;

struct EventTraits {
  using Handle = cudaEvent_t;
  static Handle null() { return nullptr; }
  static void close(Handle event) { (void)cudaEventDestroy(event); }
};
using UniqueEvent = UniqueHandle<EventTraits>;

Expected<UniqueEvent> createEvent() {
  cudaEvent_t event = nullptr;
  FABRIC_RETURN_IF_ERROR(
      cudaStatus(cudaEventCreate(&event), "cudaEventCreate"));
  return UniqueEvent(event);
}

class Timer {
public:
  explicit Timer(cudaStream_t stream) : stream(stream) {}

  Status initialize() {
    FABRIC_ASSIGN_OR_RETURN(begin, createEvent());
    FABRIC_ASSIGN_OR_RETURN(end, createEvent());
    return Status::success();
  }

  template <typename Work> Expected<double> milliseconds(Work work) {
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventRecord(begin.get(), stream), "cudaEventRecord"));
    FABRIC_RETURN_IF_ERROR(work());
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventRecord(end.get(), stream), "cudaEventRecord"));
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventSynchronize(end.get()), "cudaEventSynchronize"));
    float time = 0;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventElapsedTime(&time, begin.get(), end.get()),
                   "cudaEventElapsedTime"));
    return static_cast<double>(time);
  }

private:
  cudaStream_t stream;
  UniqueEvent begin, end;
};

} // namespace

Expected<GemmChoice> searchCublasLt(const GemmDesc &desc,
                                    CublasLtProduct &product,
                                    const GemmOperands &operands,
                                    cudaStream_t stream) {
  FABRIC_ASSIGN_OR_RETURN(auto algorithms, product.algorithms(mostAlgorithms));
  Timer timer(stream);
  FABRIC_RETURN_IF_ERROR(timer.initialize());
  GemmChoice best;
  best.desc = desc;
  best.microseconds = std::numeric_limits<double>::infinity();
  for (const CublasLtProduct::Algorithm &algorithm : algorithms) {
    auto run = [&] { return product.run(algorithm, operands, stream); };
    FABRIC_RETURN_IF_ERROR(run());
    std::array<double, runs> times = {};
    for (double &time : times) {
      FABRIC_ASSIGN_OR_RETURN(time, timer.milliseconds(run));
    }
    auto middle = times.begin() + runs / 2;
    std::nth_element(times.begin(), middle, times.end());
    if (1e3 * *middle >= best.microseconds)
      continue;
    best.microseconds = 1e3 * *middle;
    best.scratchBytes = static_cast<int64_t>(algorithm.workspaceSize);
    best.algorithm.resize(sizeof(algorithm.algo));
    std::memcpy(best.algorithm.data(), &algorithm.algo, sizeof(algorithm.algo));
  }
  return best;
}

} // namespace fabric::kernels
