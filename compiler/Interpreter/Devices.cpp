//===- Devices.cpp - Simulated devices of a mesh --------------------------===//

#include "compiler/Interpreter/Devices.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;

LogicalResult
DeviceMesh::verify(dist::AxesAttr axes,
                   function_ref<InFlightDiagnostic()> emitError) const {
  for (dist::AxisRefAttr axis : axes.getRefs()) {
    int64_t size = mesh ? mesh.getAxisSize(axis.getName().getValue()) : 0;
    if (size == 0)
      return emitError() << "axis " << axis.getName()
                         << " is not one of the mesh";
    if (axis.isSubAxis() && size % (axis.getPreSize() * axis.getSubSize()) != 0)
      return emitError() << "sub-axis (" << axis.getPreSize() << ")"
                         << axis.getSubSize() << " does not divide axis "
                         << axis.getName() << " of size " << size;
  }
  return success();
}

// An axis of size n is seen as pre x size x rest, and a device number as a
// mixed-radix number of all axes: one step along the middle part is `rest`
// steps along the axis.
DeviceMesh::Digit DeviceMesh::getDigit(dist::AxisRefAttr axis) const {
  int64_t stride = 1;
  for (size_t i = mesh.getSizes().size(); i-- > 0;) {
    int64_t size = mesh.getSizes()[i];
    if (mesh.getNames()[i] == axis.getName()) {
      if (!axis.isSubAxis())
        return {stride, size};
      int64_t rest = size / (axis.getPreSize() * axis.getSubSize());
      return {stride * rest, axis.getSubSize()};
    }
    stride *= size;
  }
  return {1, 1};
}

int64_t DeviceMesh::getGroupSize(dist::AxesAttr axes) const {
  int64_t size = 1;
  for (dist::AxisRefAttr axis : axes.getRefs())
    size *= getDigit(axis).size;
  return size;
}

int64_t DeviceMesh::getPosition(int64_t device, dist::AxesAttr axes) const {
  int64_t position = 0;
  for (dist::AxisRefAttr axis : axes.getRefs()) {
    Digit digit = getDigit(axis);
    position = position * digit.size + device / digit.stride % digit.size;
  }
  return position;
}

SmallVector<int64_t> DeviceMesh::getGroup(int64_t device,
                                          dist::AxesAttr axes) const {
  SmallVector<int64_t> sizes, strides;
  int64_t first = device;
  for (dist::AxisRefAttr axis : axes.getRefs()) {
    Digit digit = getDigit(axis);
    first -= device / digit.stride % digit.size * digit.stride;
    sizes.push_back(digit.size);
    strides.push_back(digit.stride);
  }
  SmallVector<int64_t> group;
  for (int64_t offset : gridOffsets(sizes, strides))
    group.push_back(first + offset);
  return group;
}

std::vector<int64_t>
mlir::fabric::interpreter::blockOffsets(ArrayRef<int64_t> globalShape,
                                        dist::ShardingAttr sharding,
                                        int64_t device) {
  DeviceMesh mesh(sharding.getMesh());
  SmallVector<int64_t> strides = rowMajorStrides(globalShape);
  SmallVector<int64_t> blockShape;
  int64_t first = 0;
  for (auto [dim, axes] : llvm::enumerate(sharding.getDims())) {
    int64_t size = globalShape[dim] / mesh.getGroupSize(axes);
    blockShape.push_back(size);
    first += mesh.getPosition(device, axes) * size * strides[dim];
  }
  std::vector<int64_t> offsets = gridOffsets(blockShape, strides);
  for (int64_t &offset : offsets)
    offset += first;
  return offsets;
}

Tensor mlir::fabric::interpreter::takeBlock(const Tensor &global,
                                            dist::ShardingAttr sharding,
                                            int64_t device) {
  DeviceMesh mesh(sharding.getMesh());
  SmallVector<int64_t> shape;
  for (auto [size, axes] : llvm::zip_equal(global.shape, sharding.getDims()))
    shape.push_back(size / mesh.getGroupSize(axes));
  Tensor block(shape, global.kind);
  for (auto [index, offset] :
       llvm::enumerate(blockOffsets(global.shape, sharding, device))) {
    if (global.isFloat())
      block.floats[index] = global.floats[offset];
    else
      block.integers[index] = global.integers[offset];
  }
  return block;
}
