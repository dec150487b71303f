//===- PlanGemms.cpp - A plan's products, as a device makes them ----------===//

#include "runtime/Executor/PlanGemms.h"
#include "runtime/Plan/Work.h"

#include <algorithm>

namespace fabric::runtime {
namespace {

/// Of all operands; what is more than the widest load of any device is not
/// counted, so that equal products stay equal.
int64_t alignmentOf(const plan::Plan &plan, const plan::Gemm &gemm) {
  std::vector<plan::BufferId> operands = {gemm.a.buffer, gemm.b.buffer,
                                          gemm.c.buffer};
  if (gemm.bias)
    operands.push_back(*gemm.bias);
  int64_t alignment = 16;
  for (plan::BufferId operand : operands) {
    const plan::Buffer &window = plan.buffers[operand];
    alignment = std::min(alignment, plan.arenas[window.arena].alignment);
    bool ownPiece = window.peer && window.peer->ownPiece;
    while (window.offset % alignment != 0 ||
           (ownPiece && plan::bytesOf(window) % alignment != 0))
      alignment /= 2;
  }
  return alignment;
}

} // namespace

kernels::GemmDesc describeGemm(const plan::Plan &plan, const plan::Gemm &gemm) {
  auto layout = [](const plan::Matrix &matrix) {
    return kernels::MatrixLayout{matrix.transposed, matrix.leading,
                                 matrix.batchStride};
  };
  kernels::GemmDesc desc;
  desc.input = plan.buffers[gemm.a.buffer].dtype;
  desc.output = plan.buffers[gemm.c.buffer].dtype;
  if (gemm.bias)
    desc.bias = plan.buffers[*gemm.bias].dtype;
  desc.accumulate = gemm.accumulate;
  desc.batch = gemm.batch;
  desc.m = gemm.m;
  desc.n = gemm.n;
  desc.k = gemm.k;
  desc.a = layout(gemm.a);
  desc.b = layout(gemm.b);
  desc.c = layout(gemm.c);
  desc.alignment = alignmentOf(plan, gemm);
  desc.tf32 = gemm.tf32;
  return desc;
}

std::vector<kernels::GemmDesc> distinctGemms(const plan::Plan &plan) {
  std::vector<kernels::GemmDesc> distinct;
  for (const plan::Instruction &instruction : plan.instructions)
    if (auto *gemm = std::get_if<plan::Gemm>(&instruction.op)) {
      kernels::GemmDesc desc = describeGemm(plan, *gemm);
      if (std::find(distinct.begin(), distinct.end(), desc) == distinct.end())
        distinct.push_back(desc);
    }
  return distinct;
}

} // namespace fabric::runtime
