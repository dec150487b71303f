//===- Plan.cpp - The execution plan, in memory ---------------------------===//

#include "runtime/Plan/Plan.h"

#include <array>
#include <utility>

using namespace fabric::plan;

static constexpr std::array<std::pair<DType, std::string_view>, 8> dtypeNames =
    {{{DType::F32, "f32"},
      {DType::BF16, "bf16"},
      {DType::F16, "f16"},
      {DType::F64, "f64"},
      {DType::I8, "i8"},
      {DType::I32, "i32"},
      {DType::I64, "i64"},
      {DType::Bool, "bool"}}};

int64_t fabric::plan::byteWidth(DType dtype) {
  switch (dtype) {
  case DType::F64:
  case DType::I64:
    return 8;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::BF16:
  case DType::F16:
    return 2;
  case DType::I8:
  case DType::Bool:
    return 1;
  }
  return 1;
}

std::string_view fabric::plan::toString(DType dtype) {
  for (const auto &[value, name] : dtypeNames)
    if (value == dtype)
      return name;
  return "unknown";
}

std::optional<DType> fabric::plan::parseDType(std::string_view text) {
  for (const auto &[value, name] : dtypeNames)
    if (name == text)
      return value;
  return std::nullopt;
}

int64_t Mesh::numRanks() const {
  int64_t count = 1;
  for (const MeshAxis &axis : axes)
    count *= axis.size;
  return count;
}
