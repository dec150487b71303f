//===- Program.cpp - A plan bound to one rank -----------------------------===//

#include "runtime/Executor/Program.h"
#include "runtime/Executor/PlanGemms.h"
#include "runtime/Plan/LentInputs.h"
#include "runtime/Plan/Scratch.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"
#include "runtime/Support/Float.h"

#include <algorithm>
#include <cstring>

namespace fabric::runtime {
namespace {

constexpr std::string_view stepScalar = "step";

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

template <typename T> void put(std::byte *target, T value) {
  std::memcpy(target, &value, sizeof(value));
}

/// Stores `value` as one element; returns its bytes.
int64_t storeNumber(plan::DType dtype, double value, std::byte *target) {
  switch (dtype) {
  case plan::DType::F32:
    put(target, static_cast<float>(value));
    break;
  case plan::DType::F64:
    put(target, value);
    break;
  case plan::DType::BF16:
    put(target, convertFloat<BFloat16>(value));
    break;
  case plan::DType::F16:
    put(target, convertFloat<Float16>(value));
    break;
  case plan::DType::I8:
  case plan::DType::Bool:
    put(target, static_cast<int8_t>(value));
    break;
  case plan::DType::I32:
    put(target, static_cast<int32_t>(value));
    break;
  case plan::DType::I64:
    put(target, static_cast<int64_t>(value));
    break;
  }
  return plan::byteWidth(dtype);
}

} // namespace

//===----------------------------------------------------------------------===//
// Load
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Program>>
Program::create(const plan::Plan &plan, int64_t rank, device::Device &device,
                std::shared_ptr<const device::Module> module) {
  std::unique_ptr<Program> program(
      new Program(plan, rank, device, std::move(module)));
  FABRIC_RETURN_IF_ERROR(program->createStreams());
  FABRIC_RETURN_IF_ERROR(program->allocateArenas());
  FABRIC_RETURN_IF_ERROR(program->bindInstructions());
  FABRIC_RETURN_IF_ERROR(program->loadConstants());
  for (const plan::Scalar &scalar : plan.scalars)
    program->scalars.push_back(
        {&scalar, scalar.defaultValue, scalar.name == stepScalar});
  program->ranges = createRanges(plan);
  return program;
}

Status Program::createStreams() {
  do {
    FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Stream> made,
                            device.createStream());
    streams.push_back(std::move(made));
  } while (streams.size() < source.streams.size());
  stream = streams.front().get();
  FABRIC_ASSIGN_OR_RETURN(joint, stream->createEvent());
  return Status::success();
}

Status Program::allocateArenas() {
  for (const plan::Arena &arena : source.arenas) {
    auto memory = device.allocate(arena.bytes, arena.alignment);
    if (memory.failed())
      return memory.status().in(
          "rank " + std::to_string(self) + ": arena '" + arena.name + "', of " +
          std::to_string(source.memory.peak) + " bytes planned in all");
    arenas.push_back(std::move(*memory));
  }
  return Status::success();
}

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

Status Program::loadConstants() {
  for (const plan::Constant &constant : source.constants) {
    const std::byte *bytes = source.sections.at("constants").data();
    FABRIC_RETURN_IF_ERROR(device.copyFromHost(
        *stream, address(constant.buffer), bytes + constant.sectionOffset,
        bytesOf(constant.buffer)));
  }
  return Status::success();
}

Expected<comm::Group *>
Program::groupOver(const std::vector<plan::AxisRef> &axes,
                   device::Stream &stream, comm::Communicator &communicator) {
  std::string name = plan::toString(axes);
  std::unique_ptr<comm::Group> &group = groups[{name, &stream}];
  if (!group) {
    comm::GroupSpec spec;
    spec.axes = name;
    for (int64_t member : plan::groupOf(source.mesh, axes, self).ranks)
      spec.ranks.push_back(static_cast<int>(member));
    spec.scratch = plannedScratch(stream);
    FABRIC_ASSIGN_OR_RETURN(group,
                            communicator.createGroup(std::move(spec), &stream));
  }
  return group.get();
}

bool Program::readsPeers(const plan::Instruction &instruction) const {
  auto isPeer = [&](plan::BufferId id) {
    return source.buffers[id].peer.has_value();
  };
  if (auto *gemm = std::get_if<plan::Gemm>(&instruction.op))
    return isPeer(gemm->a.buffer) || isPeer(gemm->b.buffer) ||
           (gemm->bias && isPeer(*gemm->bias));
  auto *launch = std::get_if<plan::Launch>(&instruction.op);
  return launch &&
         std::any_of(launch->buffers.begin(), launch->buffers.end(), isPeer);
}

/// Also binds again what reads peers.
Status Program::sharePeers(comm::Communicator &communicator) {
  peerArenas.resize(arenas.size());
  for (const plan::Buffer &buffer : source.buffers) {
    if (!buffer.peer || !peerArenas[buffer.arena].empty())
      continue;
    const std::shared_ptr<device::Memory> &own = arenas[buffer.arena];
    FABRIC_ASSIGN_OR_RETURN(peerArenas[buffer.arena],
                            communicator.shareMemory({own, own->data()}));
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    if (!readsPeers(source.instructions[i]))
      continue;
    Expected<Op> op = bind(source.instructions[i]);
    if (op.failed())
      return at(i, op.status());
    ops[i] = std::move(*op);
  }
  return Status::success();
}

Status Program::connect(comm::Communicator &communicator) {
  this->communicator = &communicator;
  FABRIC_RETURN_IF_ERROR(sharePeers(communicator));
  std::vector<bool> lent = plan::findLentInputs(source);
  // In the order of the instructions, which all ranks share.
  for (size_t i = 0; i < ops.size(); ++i) {
    const auto &instruction = source.instructions[i].op;
    device::Stream &stream =
        *streams[static_cast<size_t>(source.instructions[i].stream)];
    auto connectTo = [&](const std::vector<plan::AxisRef> &axes,
                         comm::Group *&target) {
      auto group = groupOver(axes, stream, communicator);
      if (group.failed())
        return at(i, group.status());
      target = *group;
      return Status::success();
    };
    if (auto *op = std::get_if<CollectiveOp>(&ops[i])) {
      FABRIC_RETURN_IF_ERROR(
          connectTo(std::get<plan::Collective>(instruction).axes, op->group));
      op->after = lent[i] ? comm::Input::Lent : comm::Input::Free;
    }
    if (auto *op = std::get_if<BarrierOp>(&ops[i]))
      FABRIC_RETURN_IF_ERROR(
          connectTo(std::get<plan::Barrier>(instruction).axes, op->group));
  }
  commScratch = communicator.scratchBytes();
  return Status::success();
}

Status Program::replaySteps() {
  if (!stream->captures())
    return Status::success();
  std::unique_ptr<comm::JointStreams> ranks;
  if (communicator->size() > 1 && !communicator->capturable()) {
    FABRIC_ASSIGN_OR_RETURN(ranks, communicator->joinStreams(*stream));
    if (!ranks)
      return Status::error("steps are not replayed as a graph: ranks of ",
                           communicator->name(),
                           " wait for each other on the host");
  }
  replay.enable(std::move(ranks));
  return Status::success();
}

Status Program::overrideScalars(const std::map<std::string, double> &values) {
  for (const auto &[name, value] : values) {
    if (name == stepScalar)
      return Status::error("scalar 'step' is counted by the run");
    auto found =
        std::find_if(scalars.begin(), scalars.end(), [&](const auto &bound) {
          return bound.scalar->name == name;
        });
    if (found != scalars.end()) {
      found->value = value;
      continue;
    }
    std::string known;
    for (const BoundScalar &bound : scalars)
      if (!bound.isStep)
        known += (known.empty() ? "" : ", ") + bound.scalar->name;
    return Status::error("scalar '", name, "': expected ",
                         known.empty() ? "none, for this plan has no scalars"
                                       : "one of " + known);
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Step
//===----------------------------------------------------------------------===//

Status Program::step(int64_t step, Profile *profile) {
  if (ranges)
    ranges->pushStep(step);
  Status status = runStep(step, profile);
  if (ranges)
    ranges->pop();
  // Collectives that wait for others would hold what they use.
  if (status.failed() && communicator)
    communicator->stop();
  return status;
}

Status Program::runStep(int64_t step, Profile *profile) {
  FABRIC_RETURN_IF_ERROR(writeScalars(step));
  if (profile)
    FABRIC_RETURN_IF_ERROR(profile->start(streams));
  // What is measured is every instruction by itself.
  Status given = Status::success(); // Of an instruction, which it names.
  auto give = [&] { return given = runOps(step, profile); };
  Status done = profile ? give() : replay.run(*stream, give);
  FABRIC_RETURN_IF_ERROR(given);
  if (done.ok())
    done =
        communicator ? communicator->waitFor(*stream) : stream->synchronize();
  if (done.ok() && profile)
    done = profile->stop();
  if (done.failed())
    return Status::error("rank ", self, ": step ", step, ": ", done.message());
  return Status::success();
}

Status Program::runOps(int64_t step, Profile *profile) {
  for (size_t i = 1; i < streams.size(); ++i)
    FABRIC_RETURN_IF_ERROR(follow(*streams[i], *stream));
  for (size_t i = 0; i < ops.size(); ++i) {
    Status status = runOp(i, profile);
    if (status.failed())
      return at(i, status).in("step " + std::to_string(step));
  }
  for (size_t i = 1; i < streams.size(); ++i)
    FABRIC_RETURN_IF_ERROR(follow(*stream, *streams[i]));
  return Status::success();
}

Status Program::runOp(size_t index, Profile *profile) {
  auto dispatch = [&] {
    return std::visit([this](const auto &op) { return run(op); }, ops[index]);
  };
  if (!profile && !ranges)
    return dispatch();
  if (ranges)
    ranges->push(index);
  Status status = profile ? profile->begin(index) : Status::success();
  if (status.ok())
    status = dispatch();
  if (status.ok() && profile)
    status = profile->end(index);
  if (ranges)
    ranges->pop();
  return status;
}

/// What comes next in `stream` runs after what `other` has been given so far.
Status Program::follow(device::Stream &stream, device::Stream &other) {
  FABRIC_RETURN_IF_ERROR(other.record(*joint));
  return stream.wait(*joint);
}

Status Program::writeScalars(int64_t step) {
  for (const BoundScalar &bound : scalars) {
    alignas(8) std::byte number[8];
    double value = bound.isStep ? static_cast<double>(step) : bound.value;
    int64_t bytes = storeNumber(bound.scalar->dtype, value, number);
    FABRIC_RETURN_IF_ERROR(device.copyFromHost(
        *stream, address(bound.scalar->buffer), number, bytes));
  }
  return Status::success();
}

Status Program::run(const GemmOp &op) {
  return op.gemm->run(op.a, op.b, op.bias, op.c, scratchAddress);
}

Status Program::run(const LaunchOp &op) {
  return op.kernel->launch(*stream, op.buffers.data());
}

Status Program::run(const CollectiveOp &op) {
  using Kind = plan::Collective::Kind;
  switch (op.kind) {
  case Kind::AllGather:
    return op.group->allGather(op.dtype, op.concat, op.input, op.output,
                               op.after);
  case Kind::ReduceScatter:
    return op.group->reduceScatter(op.dtype, op.reduction, op.split, op.input,
                                   op.output, op.after);
  case Kind::AllReduce:
    return op.group->allReduce(op.dtype, op.reduction, op.count, op.input,
                               op.output);
  case Kind::AllToAll:
    return op.group->allToAll(op.dtype, op.split, op.concat, op.input,
                              op.output, op.after);
  case Kind::AllSlice:
    return op.group->slice(op.dtype, op.split, op.input, op.output);
  }
  return Status::error("unknown collective");
}

Status Program::run(const CopyOp &op) {
  return op.input == op.output
             ? Status::success()
             : device.copy(*op.stream, op.output, op.input, op.bytes);
}

Status Program::run(const BarrierOp &op) { return op.group->barrier(); }

Status Program::run(const RecordOp &op) { return op.stream->record(*op.event); }

Status Program::run(const WaitOp &op) { return op.stream->wait(*op.event); }

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

std::byte *Program::address(plan::BufferId buffer) const {
  const plan::Buffer &window = source.buffers[buffer];
  if (!window.peer)
    return arenas[window.arena]->data() + window.offset;
  if (peerArenas.empty())
    return nullptr;
  plan::Group group = plan::groupOf(source.mesh, window.peer->axes, self);
  const std::byte *arena =
      peerArenas[window.arena][group.ranks[window.peer->member]].get();
  int64_t piece = window.peer->ownPiece ? group.index * bytesOf(buffer) : 0;
  // Kernels take what they read as they take what they write.
  return const_cast<std::byte *>(arena) + window.offset + piece;
}

int64_t Program::bytesOf(plan::BufferId buffer) const {
  return plan::bytesOf(source.buffers[buffer]);
}

Status Program::upload(plan::BufferId buffer,
                       const std::function<Status(void *host)> &fill) {
  if (device.hostAccessible())
    return fill(address(buffer));
  std::vector<std::byte> staging(bytesOf(buffer));
  FABRIC_RETURN_IF_ERROR(fill(staging.data()));
  return device.copyFromHost(*stream, address(buffer), staging.data(),
                             bytesOf(buffer));
}

Status Program::uploadInput(plan::BufferId buffer,
                            const std::function<Status(void *host)> &fill) {
  if (device.hostAccessible())
    return fill(address(buffer));
  FABRIC_ASSIGN_OR_RETURN(void *host, staging(buffer));
  FABRIC_RETURN_IF_ERROR(fill(host));
  return uploadStaged(buffer);
}

Expected<void *> Program::staging(plan::BufferId buffer) {
  Staging &staging = stagings[buffer];
  if (!staging.host) {
    FABRIC_ASSIGN_OR_RETURN(staging.copied, stream->createEvent());
    FABRIC_ASSIGN_OR_RETURN(staging.host, device.allocateHost(bytesOf(buffer)));
  }
  FABRIC_RETURN_IF_ERROR(staging.copied->synchronize());
  return static_cast<void *>(staging.host->data());
}

Status Program::uploadStaged(plan::BufferId buffer) {
  Staging &staging = stagings.at(buffer);
  FABRIC_RETURN_IF_ERROR(device.copyFromHost(
      *stream, address(buffer), staging.host->data(), bytesOf(buffer)));
  return stream->record(*staging.copied);
}

Status
Program::download(plan::BufferId buffer,
                  const std::function<Status(const void *host)> &use) const {
  if (device.hostAccessible())
    return use(address(buffer));
  std::vector<std::byte> staging(bytesOf(buffer));
  FABRIC_RETURN_IF_ERROR(device.copyToHost(*stream, staging.data(),
                                           address(buffer), bytesOf(buffer)));
  return use(staging.data());
}

MemoryUse Program::memoryUse() const {
  MemoryUse use;
  for (const auto &arena : arenas)
    use.arenas += arena->bytes();
  use.scratch = commScratch + (gemmScratch ? gemmScratch->bytes() : 0);
  if (device.hostAccessible())
    for (const auto &[buffer, staging] : stagings)
      use.scratch += staging.host->bytes();
  return use;
}

Status Program::at(size_t instruction, const Status &status) const {
  const plan::Instruction &where = source.instructions[instruction];
  std::string place = "rank " + std::to_string(self) + ", instruction " +
                      std::to_string(instruction) + " (" +
                      std::string(plan::nameOf(where)) + ")";
  if (!where.loc.empty())
    place += " at " + where.loc;
  return status.in(place);
}

} // namespace fabric::runtime
