//===- Program.cpp - A plan bound to one rank -----------------------------===//

#include "runtime/Executor/Program.h"
#include "runtime/Plan/LentInputs.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"

#include <algorithm>

namespace fabric::runtime {

/// The scalar that the run counts.
static constexpr std::string_view stepScalar = "step";

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
