//===- Plan.cpp - The execution plan, in memory ---------------------------===//

#include "runtime/Plan/Plan.h"

#include "runtime/Plan/Manifest.h"

using namespace fabric::plan;

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
  return manifest::nameOf(manifest::dtypes, dtype);
}

std::optional<DType> fabric::plan::parseDType(std::string_view text) {
  return manifest::parse(manifest::dtypes, text);
}

std::string_view fabric::plan::nameOf(Collective::Kind kind) {
  return manifest::nameOf(manifest::collectives, kind);
}

std::string_view fabric::plan::nameOf(const Instruction &instruction) {
  struct Names {
    std::string_view operator()(const Gemm &) { return "gemm"; }
    std::string_view operator()(const Launch &launch) { return launch.symbol; }
    std::string_view operator()(const Collective &collective) {
      return nameOf(collective.kind);
    }
    std::string_view operator()(const Copy &) { return "copy"; }
    std::string_view operator()(const Barrier &) { return "barrier"; }
    std::string_view operator()(const Record &) { return "record"; }
    std::string_view operator()(const Wait &) { return "wait"; }
  };
  return std::visit(Names(), instruction.op);
}

int64_t Mesh::numRanks() const {
  int64_t count = 1;
  for (const MeshAxis &axis : axes)
    count *= axis.size;
  return count;
}
