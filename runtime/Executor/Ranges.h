//===- Ranges.h - Instructions, as tools that watch see them ----*- C++ -*-===//
//
// Nsight Systems and its like show which of our instructions a kernel or a wait
// belongs to, by ranges of NVTX around what the host gives to a stream.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_RANGES_H
#define FABRIC_RUNTIME_EXECUTOR_RANGES_H

#include "runtime/Plan/Plan.h"

#include <memory>

namespace fabric::runtime {

/// Ranges of one thread, which nest.
class Ranges {
public:
  virtual ~Ranges() = default;
  virtual void pushStep(int64_t step) = 0;
  virtual void push(size_t instruction) = 0;
  virtual void pop() = 0;
};

/// Null where no tool watches this process, and in builds without NVTX
/// (NoNvtx.cpp).
std::unique_ptr<Ranges> createRanges(const plan::Plan &plan);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_RANGES_H
