//===- Initialize.cpp - Initial values of a shard -------------------------===//

#include "runtime/Plan/Initialize.h"

#include "runtime/Plan/Padding.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <cmath>

using namespace fabric;
using namespace fabric::plan;

template <typename Element>
static void fillFloats(const Initializer &init, const RandomTensor &tensor,
                       const Shape &shape, const Box &box, void *shard) {
  auto *elements = static_cast<Element *>(shard);
  switch (init.kind) {
  case Initializer::Kind::Uniform:
    return fillUniform(tensor, shape, box, init.a, init.b, elements);
  case Initializer::Kind::Normal:
    return fillNormal(tensor, shape, box, init.a, init.b, elements);
  case Initializer::Kind::Constant:
    std::fill_n(elements, box.numElements(), convertFloat<Element>(init.a));
  }
}

template <typename Element>
static Status fillIntegers(const Initializer &init, std::string_view name,
                           const Box &box, void *shard) {
  if (init.kind != Initializer::Kind::Constant)
    return Status::error("tensor '", name,
                         "': initialiser of an integer tensor, expected a "
                         "constant, found a random one");
  // The range of int64 is asymmetric, and its maximum is not a double.
  double limit = std::ldexp(1.0, 8 * sizeof(Element) - 1);
  if (!(init.a >= -limit && init.a < limit) || init.a != std::trunc(init.a))
    return Status::error("tensor '", name, "': initialiser, expected a ",
                         8 * sizeof(Element), "-bit integer, found ", init.a);
  std::fill_n(static_cast<Element *>(shard), box.numElements(),
              static_cast<Element>(init.a));
  return Status::success();
}

Status plan::initializeShard(const Initializer &init, uint64_t seed,
                             std::string_view name, DType dtype,
                             const Shape &shape, const Box &box, void *shard) {
  FABRIC_RETURN_IF_ERROR(checkBox(box, shape));
  RandomTensor tensor(seed, name);
  switch (dtype) {
  case DType::F32:
    fillFloats<float>(init, tensor, shape, box, shard);
    return Status::success();
  case DType::F64:
    fillFloats<double>(init, tensor, shape, box, shard);
    return Status::success();
  case DType::BF16:
    fillFloats<BFloat16>(init, tensor, shape, box, shard);
    return Status::success();
  case DType::F16:
    fillFloats<Float16>(init, tensor, shape, box, shard);
    return Status::success();
  case DType::I8:
    return fillIntegers<int8_t>(init, name, box, shard);
  case DType::I32:
    return fillIntegers<int32_t>(init, name, box, shard);
  case DType::I64:
    return fillIntegers<int64_t>(init, name, box, shard);
  case DType::Bool:
    if (init.kind != Initializer::Kind::Constant ||
        (init.a != 0.0 && init.a != 1.0))
      return Status::error("tensor '", name,
                           "': initialiser of a bool tensor, expected constant "
                           "0 or 1, found another");
    std::fill_n(static_cast<uint8_t *>(shard), box.numElements(),
                static_cast<uint8_t>(init.a));
    return Status::success();
  }
  return Status::error("tensor '", name, "': unknown dtype");
}

Status plan::initializeParameter(const Parameter &parameter, const Mesh &mesh,
                                 int64_t rank, uint64_t seed, void *shard) {
  if (!parameter.init)
    return Status::error("parameter '", parameter.name,
                         "': the plan has no initialiser for it, expected "
                         "--weights=FILE.safetensors");
  PaddedShard part(mesh, parameter.sharding, parameter.storedShape,
                   parameter.paddedShape, rank);
  return part.fill(parameter.dtype, shard, [&](const Box &box, void *elements) {
    return initializeShard(*parameter.init, seed, parameter.name,
                           parameter.dtype, parameter.storedShape, box,
                           elements);
  });
}
