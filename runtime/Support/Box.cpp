//===- Box.cpp - A shard's place in a global tensor -----------------------===//

#include "runtime/Support/Box.h"

#include "runtime/Support/CheckedMath.h"

#include <limits>

using namespace fabric;

Box Box::whole(std::vector<int64_t> shape) {
  Box box;
  box.offsets.assign(shape.size(), 0);
  box.sizes = std::move(shape);
  return box;
}

int64_t Box::numElements() const {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

std::string fabric::toString(const Box &box) {
  std::string text = "[";
  for (size_t dim = 0; dim < box.sizes.size(); ++dim) {
    if (dim > 0)
      text += ", ";
    text += std::to_string(box.offsets[dim]) + ":" +
            std::to_string(checkedAdd(box.offsets[dim], box.sizes[dim])
                               .value_or(std::numeric_limits<int64_t>::max()));
  }
  return text + "]";
}

std::string fabric::toString(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (dim > 0)
      text += ", ";
    text += std::to_string(shape[dim]);
  }
  return text + "]";
}

Status fabric::checkBox(const Box &box, const std::vector<int64_t> &shape) {
  if (box.offsets.size() != shape.size() || box.sizes.size() != shape.size())
    return Status::error("box, expected ", shape.size(), " dims, found ",
                         box.offsets.size(), " offsets and ", box.sizes.size(),
                         " sizes");
  for (size_t dim = 0; dim < shape.size(); ++dim)
    if (box.offsets[dim] < 0 || box.sizes[dim] < 0 ||
        box.sizes[dim] > shape[dim] ||
        box.offsets[dim] > shape[dim] - box.sizes[dim])
      return Status::error("box, expected a part of ", toString(shape),
                           ", found ", toString(box));
  return Status::success();
}

BoxRuns::BoxRuns(const std::vector<int64_t> &shape, const Box &box) {
  total = box.numElements();
  // A run covers the trailing dims that the box takes whole, and a stretch of
  // the one before.
  size_t outer = shape.size();
  runLength = 1;
  while (outer > 0) {
    --outer;
    runLength *= box.sizes[outer];
    if (box.sizes[outer] != shape[outer])
      break;
  }
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    globalIndex += box.offsets[dim] * stride;
    if (dim < outer) {
      sizes.insert(sizes.begin(), box.sizes[dim]);
      strides.insert(strides.begin(), stride);
    }
    stride *= shape[dim];
  }
  counters.assign(sizes.size(), 0);
}

void BoxRuns::next() {
  localIndex += runLength;
  for (size_t dim = counters.size(); dim-- > 0;) {
    globalIndex += strides[dim];
    if (++counters[dim] < sizes[dim])
      return;
    globalIndex -= counters[dim] * strides[dim];
    counters[dim] = 0;
  }
}
