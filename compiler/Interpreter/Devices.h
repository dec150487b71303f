//===- Devices.h - Simulated devices of a mesh ------------------*- C++ -*-===//
//
// Where a device sits in a mesh, which devices form a group over some axes, and
// how a global tensor is cut into theirs. Written for the interpreter alone: it
// knows nothing of the compiler's own arithmetic on axes.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_INTERPRETER_DEVICES_H
#define FABRIC_COMPILER_INTERPRETER_DEVICES_H

#include "compiler/Interpreter/Tensor.h"
#include "dialects/Dist/IR/Dist.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>

namespace mlir::fabric::interpreter {

/// The devices of a mesh, numbered as ranks are: the last axis varies fastest.
class DeviceMesh {
public:
  /// One device that is not in any mesh.
  DeviceMesh() = default;
  explicit DeviceMesh(dist::MeshAttr mesh) : mesh(mesh) {}

  int64_t getNumDevices() const { return mesh ? mesh.getNumRanks() : 1; }

  /// Fails, with a diagnostic, where an axis is unknown or a sub-axis does not
  /// divide its axis.
  LogicalResult verify(dist::AxesAttr axes,
                       function_ref<InFlightDiagnostic()> emitError) const;

  /// The number of devices in a group over `axes`.
  int64_t getGroupSize(dist::AxesAttr axes) const;

  /// The position of a device in its group over `axes`, the first axis major.
  int64_t getPosition(int64_t device, dist::AxesAttr axes) const;

  /// The devices that differ from `device` in `axes` only, by position.
  SmallVector<int64_t> getGroup(int64_t device, dist::AxesAttr axes) const;

private:
  /// Steps of a sub-axis in the device number, and its size.
  struct Digit {
    int64_t stride;
    int64_t size;
  };
  Digit getDigit(dist::AxisRefAttr axis) const;

  dist::MeshAttr mesh;
};

/// Two terms of a partial value.
template <typename T> T combine(dist::ReductionKind kind, T a, T b) {
  switch (kind) {
  case dist::ReductionKind::Sum:
    return a + b;
  case dist::ReductionKind::Max:
    return std::max(a, b);
  case dist::ReductionKind::Min:
    return std::min(a, b);
  }
  llvm_unreachable("all kinds are there");
}

/// The block of `global` that a device holds under `sharding`, which must
/// divide it and must not be partial.
Tensor takeBlock(const Tensor &global, dist::ShardingAttr sharding,
                 int64_t device);

/// The elements of a global tensor that belong to a block, as offsets in row
/// major order of the block.
std::vector<int64_t> blockOffsets(ArrayRef<int64_t> globalShape,
                                  dist::ShardingAttr sharding, int64_t device);

} // namespace mlir::fabric::interpreter

#endif // FABRIC_COMPILER_INTERPRETER_DEVICES_H
