//===- Session.h - All ranks of a plan, on tensors in memory ----*- C++ -*-===//
//
// For tools and tests that hold a plan and global tensors and want global
// tensors back: every rank of the mesh is a thread of this process.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_SESSION_H
#define FABRIC_RUNTIME_EXECUTOR_SESSION_H

#include "runtime/Executor/Runner.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fabric::runtime {

/// A dense, row-major, global tensor.
struct HostTensor {
  plan::DType dtype = plan::DType::F32;
  plan::Shape shape;
  std::vector<std::byte> bytes;

  /// Zeros.
  static HostTensor zeros(plan::DType dtype, plan::Shape shape);
  int64_t numElements() const;
  template <typename T> T *data() {
    return reinterpret_cast<T *>(bytes.data());
  }
  template <typename T> const T *data() const {
    return reinterpret_cast<const T *>(bytes.data());
  }
};

using NamedTensors = std::map<std::string, HostTensor>;

struct RunInputs {
  /// Parameters that are not here are drawn from `seed`.
  NamedTensors parameters;
  uint64_t seed = 0;
  /// Step s (from 0) takes inputs[s mod size]. May be empty where the plan has
  /// no inputs.
  std::vector<NamedTensors> inputs;
  int64_t steps = 1;
  /// In place of the plan's defaults: "lr".
  std::map<std::string, double> scalars;
  /// How long a rank waits for another.
  comm::CommOptions comm;
};

struct RunOutputs {
  /// The plan's outputs, one entry a step. Each is assembled from the first
  /// rank that holds a piece.
  std::vector<NamedTensors> outputs;
  /// After the last step, under the plan's names and shapes (Parameter::shape).
  NamedTensors parameters;
  /// The most that a rank holds.
  MemoryUse memory;
};

/// Verifies the plan and runs it. Fails on tensors that are missing, unknown,
/// or of another shape or dtype than the plan's.
Expected<RunOutputs> runLocal(const plan::Plan &plan, const RunInputs &inputs);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_SESSION_H
