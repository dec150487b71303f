//===- Access.cpp - What an instruction reads and writes ------------------===//

#include "runtime/Plan/Access.h"

using namespace fabric::plan;

namespace {
struct AccessOf {
  Access operator()(const Gemm &gemm) {
    Access access{{gemm.a.buffer, gemm.b.buffer}, {gemm.c.buffer}};
    if (gemm.bias)
      access.reads.push_back(*gemm.bias);
    return access;
  }
  Access operator()(const Launch &launch) {
    return {launch.buffers, launch.written};
  }
  Access operator()(const Collective &collective) {
    return {{collective.input}, {collective.output}};
  }
  Access operator()(const Copy &copy) { return {{copy.input}, {copy.output}}; }
  Access operator()(const Barrier &) { return {}; }
  Access operator()(const Record &) { return {}; }
  Access operator()(const Wait &) { return {}; }
};
} // namespace

Access fabric::plan::accessOf(const Instruction &instruction) {
  return std::visit(AccessOf(), instruction.op);
}

const std::vector<AxisRef> *
fabric::plan::orderedAxes(const Instruction &instruction) {
  if (auto *barrier = std::get_if<Barrier>(&instruction.op))
    return &barrier->axes;
  auto *collective = std::get_if<Collective>(&instruction.op);
  if (collective && collective->kind != Collective::Kind::AllSlice)
    return &collective->axes;
  return nullptr;
}
