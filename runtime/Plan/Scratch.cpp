//===- Scratch.cpp - What libraries work in -------------------------------===//

#include "runtime/Plan/Scratch.h"

#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Box.h"

namespace fabric::plan {
namespace {

int64_t bytesOf(const Buffer &buffer) {
  return Box::whole(buffer.shape).numElements() * byteWidth(buffer.dtype);
}

/// Whether the pieces lie one after the other in the output: then they are
/// received where they belong.
bool isDense(const Collective &gather, const Buffer &output) {
  auto end = output.shape.begin() + *gather.concatDim;
  return std::all_of(output.shape.begin(), end,
                     [](int64_t size) { return size == 1; });
}

int64_t scratchOf(const Plan &plan, const Collective &collective) {
  int64_t ranks = axesSize(plan.mesh, collective.axes);
  // Ranks that share memory read it where it lies.
  if (ranks == 1 || plan.needs.sharedMemory)
    return 0;
  const Buffer &input = plan.buffers[collective.input];
  const Buffer &output = plan.buffers[collective.output];
  switch (collective.kind) {
  case Collective::Kind::AllSlice:
    return 0;
  case Collective::Kind::AllGather:
    if (isDense(collective, output))
      return 0;
    break;
  case Collective::Kind::ReduceScatter:
  case Collective::Kind::AllReduce:
  case Collective::Kind::AllToAll:
    break;
  }
  return collectiveScratch(std::max(bytesOf(input), bytesOf(output)), ranks);
}

} // namespace

int64_t scratchOf(const Plan &plan, const Instruction &instruction) {
  if (plan.target.kind != "cuda")
    return 0;
  if (std::holds_alternative<Gemm>(instruction.op))
    return productScratchBytes;
  if (auto *collective = std::get_if<Collective>(&instruction.op))
    return scratchOf(plan, *collective);
  return 0;
}

int64_t scratchBytes(const Plan &plan) {
  int64_t bytes = 0;
  for (const StreamScratch &scratch : plan.scratch)
    bytes += plan.arenas[scratch.arena].bytes;
  return bytes;
}

} // namespace fabric::plan
