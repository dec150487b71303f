//===- Padding.cpp - What a rank holds of a padded tensor -----------------===//

#include "runtime/Plan/Padding.h"

#include "runtime/Plan/Sharding.h"

#include <algorithm>
#include <cstring>

using namespace fabric;
using namespace fabric::plan;

PaddedShard::PaddedShard(const Mesh &mesh, const Sharding &sharding,
                         const Shape &shape,
                         const std::optional<Shape> &paddedShape, int64_t rank)
    : trueBox(localBox(mesh, sharding, paddedShape.value_or(shape), rank)),
      localShape(trueBox.sizes) {
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    trueBox.offsets[dim] = std::min(trueBox.offsets[dim], shape[dim]);
    trueBox.sizes[dim] =
        std::min(trueBox.sizes[dim], shape[dim] - trueBox.offsets[dim]);
  }
}

std::vector<std::byte> PaddedShard::makeDense(DType dtype) const {
  return std::vector<std::byte>(
      static_cast<size_t>(trueBox.numElements() * byteWidth(dtype)));
}

void PaddedShard::scatter(DType dtype, const std::vector<std::byte> &dense,
                          void *shard) const {
  size_t width = static_cast<size_t>(byteWidth(dtype));
  int64_t elements = Box::whole(localShape).numElements();
  std::memset(shard, 0, static_cast<size_t>(elements) * width);
  for (BoxRuns runs(localShape, Box::whole(trueBox.sizes)); !runs.done();
       runs.next())
    std::memcpy(static_cast<std::byte *>(shard) + runs.global() * width,
                dense.data() + runs.local() * width, runs.length() * width);
}

void PaddedShard::gather(DType dtype, const void *shard,
                         std::vector<std::byte> &dense) const {
  size_t width = static_cast<size_t>(byteWidth(dtype));
  for (BoxRuns runs(localShape, Box::whole(trueBox.sizes)); !runs.done();
       runs.next())
    std::memcpy(dense.data() + runs.local() * width,
                static_cast<const std::byte *>(shard) + runs.global() * width,
                runs.length() * width);
}
