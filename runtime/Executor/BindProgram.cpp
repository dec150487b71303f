//===- BindProgram.cpp - Instructions with what they need at hand ---------===//
//
// Products are prepared, kernels found, and every buffer becomes an address, so
// that a step looks nothing up.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor/PlanGemms.h"
#include "runtime/Executor/Program.h"
#include "runtime/Plan/Scratch.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"

#include <algorithm>

namespace fabric::runtime {

namespace {
/// How two buffers of one rank lie to each other.
enum class Overlap { None, Same, Partial };

Overlap overlapOf(const plan::Buffer &a, const plan::Buffer &b) {
  int64_t aBytes = plan::bytesOf(a), bBytes = plan::bytesOf(b);
  if (a.arena != b.arena || aBytes == 0 || bBytes == 0 ||
      a.offset + aBytes <= b.offset || b.offset + bBytes <= a.offset)
    return Overlap::None;
  return a.offset == b.offset && aBytes == bBytes ? Overlap::Same
                                                  : Overlap::Partial;
}
} // namespace

Status Program::bindInstructions() {
  ops.reserve(source.instructions.size());
  int64_t scratch = 0;
  for (size_t i = 0; i < source.instructions.size(); ++i) {
    Expected<Op> op = bind(source.instructions[i]);
    if (op.failed())
      return at(i, op.status());
    ops.push_back(std::move(*op));
  }
  for (const PreparedGemm &prepared : gemms)
    scratch = std::max(scratch, prepared.gemm->scratchBytes());
  return provideScratch(scratch);
}

/// From the plan's memory on a GPU. On the cpu it depends on how the library
/// sees the processor, and is allocated beside it.
Status Program::provideScratch(int64_t bytes) {
  if (bytes == 0)
    return Status::success();
  std::optional<std::span<std::byte>> planned = plannedScratch(*stream);
  if (!planned) {
    FABRIC_ASSIGN_OR_RETURN(gemmScratch,
                            device.allocate(bytes, plan::scratchAlignment));
    scratchAddress = gemmScratch->data();
    return Status::success();
  }
  if (bytes > std::ssize(*planned))
    return Status::error("rank ", self, ": products need ", bytes,
                         " bytes beside their operands, and the plan has ",
                         planned->size());
  scratchAddress = planned->data();
  return Status::success();
}

std::optional<std::span<std::byte>>
Program::plannedScratch(const device::Stream &stream) const {
  if (source.scratch.empty() && source.target.kind != "cuda")
    return std::nullopt;
  for (const plan::StreamScratch &scratch : source.scratch)
    if (streams[scratch.stream].get() == &stream) {
      const device::Memory &arena = *arenas[scratch.arena];
      return std::span(arena.data(), static_cast<size_t>(arena.bytes()));
    }
  return std::span<std::byte>();
}

Expected<kernels::Gemm *> Program::prepare(const kernels::GemmDesc &desc) {
  // Few are distinct, however many layers there are.
  for (const PreparedGemm &prepared : gemms)
    if (prepared.desc == desc)
      return prepared.gemm.get();
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<kernels::Gemm> gemm,
                          device.createGemm(desc, *stream));
  gemms.push_back({desc, std::move(gemm)});
  return gemms.back().gemm.get();
}

Expected<Program::Op> Program::bind(const plan::Instruction &instruction) {
  device::Stream &stream = *streams[static_cast<size_t>(instruction.stream)];
  return std::visit([&](const auto &op) { return bind(op, stream); },
                    instruction.op);
}

/// Only in the first stream, as kernels are: what they share is there.
Expected<Program::Op> Program::bind(const plan::Gemm &gemm, device::Stream &) {
  const plan::Buffer &c = source.buffers[gemm.c.buffer];
  for (plan::BufferId operand : {gemm.a.buffer, gemm.b.buffer})
    if (overlapOf(source.buffers[operand], c) != Overlap::None)
      return Status::error("the result overlaps an operand");
  if (gemm.bias && overlapOf(source.buffers[*gemm.bias], c) != Overlap::None)
    return Status::error("the result overlaps the bias");
  FABRIC_ASSIGN_OR_RETURN(kernels::Gemm * prepared,
                          prepare(describeGemm(source, gemm)));
  return Op(GemmOp{prepared, address(gemm.a.buffer), address(gemm.b.buffer),
                   gemm.bias ? address(*gemm.bias) : nullptr,
                   address(gemm.c.buffer)});
}

Expected<Program::Op> Program::bind(const plan::Launch &launch,
                                    device::Stream &) {
  if (!module)
    return Status::error("the plan has no section 'code'");
  std::unique_ptr<device::Kernel> &kernel =
      kernels[{launch.symbol, launch.grid}];
  if (!kernel) {
    auto numBuffers = static_cast<int64_t>(launch.buffers.size());
    FABRIC_ASSIGN_OR_RETURN(
        kernel, module->find(launch.symbol, numBuffers, launch.grid));
  }
  LaunchOp op{kernel.get(), {}};
  for (plan::BufferId buffer : launch.buffers)
    op.buffers.push_back(address(buffer));
  return Op(std::move(op));
}

/// The stream is its group's.
Expected<Program::Op> Program::bind(const plan::Collective &collective,
                                    device::Stream &) {
  using Kind = plan::Collective::Kind;
  const plan::Buffer &input = source.buffers[collective.input];
  const plan::Buffer &output = source.buffers[collective.output];
  int64_t n = plan::axesSize(source.mesh, collective.axes);

  Overlap overlap = overlapOf(input, output);
  bool inPlace = collective.kind == Kind::AllReduce || n == 1;
  if (overlap == Overlap::Partial || (overlap == Overlap::Same && !inPlace))
    return Status::error("the output overlaps the input");

  CollectiveOp op{};
  op.kind = collective.kind;
  op.dtype = input.dtype;
  op.reduction = collective.reduction;
  op.count = plan::elementsOf(input);
  op.input = address(collective.input);
  op.output = address(collective.output);
  if (collective.splitDim) {
    FABRIC_ASSIGN_OR_RETURN(
        op.split, comm::piecesAlong(input.shape, *collective.splitDim, n));
  }
  if (collective.concatDim) {
    FABRIC_ASSIGN_OR_RETURN(
        op.concat, comm::piecesAlong(output.shape, *collective.concatDim, n));
  }
  return Op(op);
}

Expected<Program::Op> Program::bind(const plan::Copy &copy,
                                    device::Stream &stream) {
  if (overlapOf(source.buffers[copy.input], source.buffers[copy.output]) ==
      Overlap::Partial)
    return Status::error("the output overlaps the input");
  return Op(CopyOp{&stream, address(copy.input), address(copy.output),
                   bytesOf(copy.input)});
}

/// Everything else about it is its group.
Expected<Program::Op> Program::bind(const plan::Barrier &, device::Stream &) {
  return Op(BarrierOp{nullptr});
}

/// Events are numbered by their records.
Expected<Program::Op> Program::bind(const plan::Record &,
                                    device::Stream &stream) {
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Event> event,
                          stream.createEvent());
  events.push_back(std::move(event));
  return Op(RecordOp{&stream, events.back().get()});
}

Expected<Program::Op> Program::bind(const plan::Wait &wait,
                                    device::Stream &stream) {
  return Op(WaitOp{&stream, events[static_cast<size_t>(wait.event)].get()});
}

} // namespace fabric::runtime
