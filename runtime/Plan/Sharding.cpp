//===- Sharding.cpp - Where a rank's shard is, whom it talks to -----------===//

#include "runtime/Plan/Sharding.h"

#include "runtime/Support/CheckedMath.h"

#include <set>

using namespace fabric;
using namespace fabric::plan;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string quoted(const std::string &text) { return '"' + text + '"'; }

std::string plan::toString(const AxisRef &axis) {
  std::string text = quoted(axis.axis);
  if (axis.size != 0)
    text +=
        ":(" + std::to_string(axis.preSize) + ")" + std::to_string(axis.size);
  return text;
}

std::string plan::toString(const std::vector<AxisRef> &axes) {
  std::string text = "{";
  for (const AxisRef &axis : axes)
    text += (text.size() > 1 ? ", " : "") + toString(axis);
  return text + "}";
}

std::string plan::toString(const Sharding &sharding) {
  std::string text = "[";
  for (const std::vector<AxisRef> &axes : sharding.dims)
    text += (text.size() > 1 ? ", " : "") + toString(axes);
  return text + "]";
}

std::string plan::toString(const Mesh &mesh) {
  std::string text = "[";
  for (const MeshAxis &axis : mesh.axes)
    text += (text.size() > 1 ? ", " : "") + quoted(axis.name) + "=" +
            std::to_string(axis.size);
  return text + "]";
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

Status plan::checkMesh(const Mesh &mesh) {
  if (mesh.axes.empty())
    return Status::error("mesh, expected at least one axis, found none");
  std::set<std::string> names;
  int64_t ranks = 1;
  for (const MeshAxis &axis : mesh.axes) {
    if (axis.name.empty())
      return Status::error("mesh, expected named axes, found an empty name");
    if (!names.insert(axis.name).second)
      return Status::error("mesh, expected distinct axes, found ",
                           quoted(axis.name), " twice");
    if (axis.size < 1)
      return Status::error("mesh axis ", quoted(axis.name),
                           ", expected a size of at least 1, found ",
                           axis.size);
    std::optional<int64_t> product = checkedMul(ranks, axis.size);
    if (!product || *product > maxMeshRanks)
      return Status::error("mesh, expected at most ", maxMeshRanks,
                           " ranks, found ", toString(mesh));
    ranks = *product;
  }
  return Status::success();
}

static const MeshAxis *findAxis(const Mesh &mesh, const std::string &name) {
  for (const MeshAxis &axis : mesh.axes)
    if (axis.name == name)
      return &axis;
  return nullptr;
}

static Status checkAxis(const Mesh &mesh, const AxisRef &ref) {
  const MeshAxis *axis = findAxis(mesh, ref.axis);
  if (!axis)
    return Status::error("axis, expected one of mesh ", toString(mesh),
                         ", found ", quoted(ref.axis));
  if (ref.size == 0 && ref.preSize == 1)
    return Status::success();
  std::optional<int64_t> used = checkedMul(ref.preSize, ref.size);
  if (ref.preSize < 1 || ref.size < 1 || !used || axis->size % *used != 0)
    return Status::error("sub-axis, expected (pre-size)size whose product "
                         "divides axis ",
                         quoted(ref.axis), " of size ", axis->size, ", found ",
                         toString(ref));
  return Status::success();
}

Status plan::checkAxes(const Mesh &mesh, const std::vector<AxisRef> &axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    FABRIC_RETURN_IF_ERROR(checkAxis(mesh, axes[i]));
    for (size_t j = 0; j < i; ++j) {
      if (axes[j].axis != axes[i].axis)
        continue;
      // [preSize, preSize * size) are the digits that a sub-axis takes.
      auto end = [&](const AxisRef &ref) {
        return ref.preSize * axisSize(mesh, ref);
      };
      bool isTwice = axes[i].size == 0 && axes[j].size == 0;
      if (isTwice || (axes[i].preSize % end(axes[j]) != 0 &&
                      axes[j].preSize % end(axes[i]) != 0))
        return Status::error(
            "axes, expected every part of an axis once, found ",
            toString(axes));
    }
  }
  return Status::success();
}

Status plan::checkSharding(const Mesh &mesh, const Sharding &sharding,
                           const Shape &shape) {
  if (sharding.dims.size() != shape.size())
    return Status::error("sharding, expected ", shape.size(),
                         " dims as in shape ", fabric::toString(shape),
                         ", found ", toString(sharding));
  std::vector<AxisRef> all;
  for (const std::vector<AxisRef> &axes : sharding.dims)
    all.insert(all.end(), axes.begin(), axes.end());
  FABRIC_RETURN_IF_ERROR(checkAxes(mesh, all));
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    int64_t pieces = axesSize(mesh, sharding.dims[dim]);
    if (shape[dim] % pieces != 0)
      return Status::error(
          "sharding, expected dim ", dim, " of shape ", fabric::toString(shape),
          " to be divisible by ", pieces, ", the size of ",
          toString(sharding.dims[dim]), ", found ", shape[dim]);
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

namespace {
/// One sub-axis as a digit of a rank: (rank / stride) % size.
struct Digit {
  int64_t stride = 1, size = 1;
  int64_t of(int64_t rank) const { return rank / stride % size; }
};
} // namespace

static Digit digitOf(const Mesh &mesh, const AxisRef &ref) {
  Digit digit;
  for (size_t i = mesh.axes.size(); i-- > 0;) {
    const MeshAxis &axis = mesh.axes[i];
    if (axis.name != ref.axis) {
      digit.stride *= axis.size;
      continue;
    }
    if (ref.size == 0) {
      digit.size = axis.size;
    } else {
      digit.size = ref.size;
      digit.stride *= axis.size / (ref.preSize * ref.size);
    }
    break;
  }
  return digit;
}

int64_t plan::axisSize(const Mesh &mesh, const AxisRef &axis) {
  return digitOf(mesh, axis).size;
}

int64_t plan::axesSize(const Mesh &mesh, const std::vector<AxisRef> &axes) {
  int64_t size = 1;
  for (const AxisRef &axis : axes)
    size *= axisSize(mesh, axis);
  return size;
}

int64_t plan::axesIndex(const Mesh &mesh, const std::vector<AxisRef> &axes,
                        int64_t rank) {
  int64_t index = 0;
  for (const AxisRef &axis : axes) {
    Digit digit = digitOf(mesh, axis);
    index = index * digit.size + digit.of(rank);
  }
  return index;
}

Shape plan::localShape(const Mesh &mesh, const Sharding &sharding,
                       const Shape &shape) {
  Shape local = shape;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    local[dim] /= axesSize(mesh, sharding.dims[dim]);
  return local;
}

Box plan::localBox(const Mesh &mesh, const Sharding &sharding,
                   const Shape &shape, int64_t rank) {
  Box box;
  box.sizes = localShape(mesh, sharding, shape);
  for (size_t dim = 0; dim < shape.size(); ++dim)
    box.offsets.push_back(axesIndex(mesh, sharding.dims[dim], rank) *
                          box.sizes[dim]);
  return box;
}

bool plan::isFirstHolder(const Mesh &mesh, const Sharding &sharding,
                         int64_t rank) {
  // The first holder is the rank whose digits outside of the sharding are zero.
  int64_t used = 0;
  for (const std::vector<AxisRef> &axes : sharding.dims)
    for (const AxisRef &axis : axes) {
      Digit digit = digitOf(mesh, axis);
      used += digit.of(rank) * digit.stride;
    }
  return used == rank;
}

Group plan::groupOf(const Mesh &mesh, const std::vector<AxisRef> &axes,
                    int64_t rank) {
  int64_t base = rank;
  for (const AxisRef &axis : axes) {
    Digit digit = digitOf(mesh, axis);
    base -= digit.of(rank) * digit.stride;
  }
  Group group;
  group.index = axesIndex(mesh, axes, rank);
  group.ranks.push_back(base);
  for (const AxisRef &axis : axes) {
    Digit digit = digitOf(mesh, axis);
    std::vector<int64_t> refined;
    for (int64_t first : group.ranks)
      for (int64_t i = 0; i < digit.size; ++i)
        refined.push_back(first + i * digit.stride);
    group.ranks = std::move(refined);
  }
  return group;
}
