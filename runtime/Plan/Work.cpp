//===- Work.cpp - How much an instruction does ----------------------------===//

#include "runtime/Plan/Work.h"

#include "runtime/Support/Box.h"

#include <set>

namespace fabric::plan {
namespace {

/// The operands of a std::visit, one for each alternative.
template <typename... Cases> struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases> Overloaded(Cases...) -> Overloaded<Cases...>;

bool isSlice(const Collective &collective) {
  return collective.kind == Collective::Kind::AllSlice;
}

} // namespace

std::string_view categoryOf(const Instruction &instruction) {
  using View = std::string_view;
  return std::visit(Overloaded{
                        [](const Gemm &) -> View { return "gemm"; },
                        [](const Launch &) -> View { return "kernel"; },
                        [](const Collective &collective) -> View {
                          return isSlice(collective) ? "copy" : "collective";
                        },
                        [](const Copy &) -> View { return "copy"; },
                        [](const Barrier &) -> View { return "barrier"; },
                        [](const auto &) -> View { return "event"; },
                    },
                    instruction.op);
}

std::string labelOf(const Instruction &instruction) {
  std::string name(nameOf(instruction));
  return instruction.loc.empty() ? name : name + " at " + instruction.loc;
}

int64_t elementsOf(const Buffer &buffer) {
  return Box::whole(buffer.shape).numElements();
}

int64_t bytesOf(const Buffer &buffer) {
  return elementsOf(buffer) * byteWidth(buffer.dtype);
}

Work workOf(const Plan &plan, const Instruction &instruction) {
  auto bytes = [&](BufferId id) { return bytesOf(plan.buffers[id]); };
  auto matrix = [&](const Gemm &gemm, const Matrix &matrix, int64_t elements) {
    int64_t count = matrix.batchStride == 0 ? 1 : gemm.batch;
    return count * elements * byteWidth(plan.buffers[matrix.buffer].dtype);
  };
  return std::visit(
      Overloaded{
          [&](const Gemm &gemm) {
            Work work;
            work.flops = 2 * gemm.batch * gemm.m * gemm.n * gemm.k;
            work.bytesTouched = matrix(gemm, gemm.a, gemm.m * gemm.k) +
                                matrix(gemm, gemm.b, gemm.k * gemm.n) +
                                matrix(gemm, gemm.c, gemm.m * gemm.n) *
                                    (gemm.accumulate ? 2 : 1);
            if (gemm.bias)
              work.bytesTouched += bytes(*gemm.bias);
            return work;
          },
          [&](const Launch &launch) {
            Work work;
            for (BufferId id : std::set<BufferId>(launch.buffers.begin(),
                                                  launch.buffers.end()))
              work.bytesTouched += bytes(id);
            return work;
          },
          [&](const Collective &collective) {
            Work work;
            work.bytesSent = collective.bytesSent;
            if (isSlice(collective))
              work.bytesTouched = 2 * bytes(collective.output);
            return work;
          },
          [&](const Copy &copy) {
            Work work;
            work.bytesTouched = bytes(copy.input) + bytes(copy.output);
            return work;
          },
          [](const auto &) { return Work(); },
      },
      instruction.op);
}

} // namespace fabric::plan
