//===- PlanChecks.cpp - What the checks of a plan share -------------------===//

#include "runtime/Plan/PlanChecks.h"

#include "runtime/Plan/Sharding.h"
#include "runtime/Support/CheckedMath.h"

#include <utility>

using namespace fabric;
using namespace fabric::plan;

Status plan::checkShape(const Shape &shape, DType dtype) {
  if (std::cmp_greater(shape.size(), maxTensorRank))
    return Status::error("shape, expected at most ", maxTensorRank,
                         " dims, found ", shape.size());
  for (int64_t size : shape)
    if (size < 1)
      return Status::error("shape, expected sizes of at least 1, found ",
                           fabric::toString(shape));
  std::optional<int64_t> count = checkedProduct(shape);
  if (!count || !checkedMul(*count, byteWidth(dtype)))
    return Status::error("shape, expected less than 2^63 bytes, found ",
                         fabric::toString(shape), " of ", toString(dtype));
  return Status::success();
}

Status plan::checkBufferId(const Plan &plan, BufferId id) {
  if (id < 0 || std::cmp_greater_equal(id, plan.buffers.size()))
    return Status::error("buffer, expected less than ", plan.buffers.size(),
                         ", found ", id);
  return Status::success();
}

bool plan::isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16 ||
         dtype == DType::F64;
}

std::string plan::named(const char *kind, const std::string &name) {
  return std::string(kind) + " '" + name + "'";
}

Status plan::NameSet::add(const std::string &name) {
  if (name.empty())
    return Status::error(kind, ", expected a name, found an empty one");
  if (!names.insert(name).second)
    return Status::error(kind, ", expected distinct names, found '", name,
                         "' twice");
  return Status::success();
}
