//===- PlanVerifier.cpp - What must hold in every plan --------------------===//
//
// In the order in which later checks rely on earlier ones: mesh, memory, the
// interface of the program, instructions. All arithmetic on numbers of the plan
// is checked until the bounds are known to hold.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanVerifier.h"

#include "runtime/Plan/PeerAccess.h"
#include "runtime/Plan/PlanChecks.h"
#include "runtime/Plan/Scratch.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/StreamOrder.h"
#include "runtime/Support/CheckedMath.h"

#include <algorithm>
#include <set>
#include <utility>

using namespace fabric;
using namespace fabric::plan;

static Status checkHeader(const Plan &plan) {
  if (plan.target.kind != "cpu" && plan.target.kind != "cuda")
    return Status::error("target, expected cpu or cuda, found '",
                         plan.target.kind, "'");
  for (const std::string &feature : plan.target.features)
    if (feature.empty())
      return Status::error("target, expected named features, found an empty "
                           "name");
  bool isHex = plan.fingerprint.size() == 64 &&
               plan.fingerprint.find_first_not_of("0123456789abcdef") ==
                   std::string::npos;
  if (!isHex)
    return Status::error("fingerprint, expected 64 hexadecimal digits, found '",
                         plan.fingerprint, "'");
  for (const auto &[name, bytes] : plan.sections)
    if (name.empty())
      return Status::error("section, expected a name, found an empty one");
  return checkMesh(plan.mesh);
}

static Status checkScratch(const Plan &plan) {
  if (!plan.scratch.empty() && plan.target.kind != "cuda")
    return Status::error("expected none on the ", plan.target.kind, ", found ",
                         plan.scratch.size(), " arenas");
  size_t streams = std::max<size_t>(plan.streams.size(), 1);
  std::set<int64_t> seenStreams, seenArenas;
  for (const auto &[stream, index] : plan.scratch) {
    if (stream < 0 || std::cmp_greater_equal(stream, streams))
      return Status::error("expected one of ", streams, " streams, found ",
                           stream);
    if (index < 0 || std::cmp_greater_equal(index, plan.arenas.size()))
      return Status::error("expected one of ", plan.arenas.size(),
                           " arenas, found ", index);
    if (!seenStreams.insert(stream).second || !seenArenas.insert(index).second)
      return Status::error("expected an arena for a stream, found stream ",
                           stream, " or arena ", index, " twice");
    if (plan.arenas[index].alignment < scratchAlignment)
      return Status::error("expected an alignment of at least ",
                           scratchAlignment, ", found ",
                           plan.arenas[index].alignment);
  }
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    if (seenArenas.count(plan.buffers[i].arena))
      return Status::error("expected no buffers in arena ",
                           plan.buffers[i].arena, ", found buffer ", i);
  if (plan.memory.scratch != scratchBytes(plan))
    return Status::error("expected ", scratchBytes(plan),
                         " bytes in the report, the sum of its arenas, found ",
                         plan.memory.scratch);
  return Status::success();
}

static Status checkArenas(const Plan &plan) {
  NameSet names("arena");
  int64_t total = 0;
  for (const Arena &arena : plan.arenas) {
    FABRIC_RETURN_IF_ERROR(names.add(arena.name));
    std::string context = named("arena", arena.name);
    if (arena.bytes < 0 || arena.bytes > maxArenaBytes - total)
      return Status::error(context, ", expected at most ", maxArenaBytes,
                           " bytes in all arenas, found ", arena.bytes,
                           " on top of ", total);
    total += arena.bytes;
    bool isPower =
        arena.alignment > 0 && (arena.alignment & (arena.alignment - 1)) == 0;
    if (!isPower || arena.alignment > (1 << 21))
      return Status::error(context,
                           ", expected an alignment that is a power of two of "
                           "at most 2 MiB, found ",
                           arena.alignment);
  }
  FABRIC_RETURN_IF_ERROR(checkScratch(plan).in("scratch"));
  const MemoryReport &memory = plan.memory;
  if (memory.peak != total)
    return Status::error("memory peak, expected ", total,
                         ", the sum of the arenas, found ", memory.peak);
  for (int64_t bytes : {memory.parameters, memory.optimizer, memory.gradients,
                        memory.activations, memory.communication})
    if (bytes < 0)
      return Status::error("memory, expected sizes of at least 0, found ",
                           bytes);
  return Status::success();
}

static Status checkBuffers(const Plan &plan) {
  for (size_t id = 0; id < plan.buffers.size(); ++id) {
    const Buffer &buffer = plan.buffers[id];
    std::string context = "buffer " + std::to_string(id);
    if (buffer.arena < 0 ||
        std::cmp_greater_equal(buffer.arena, plan.arenas.size()))
      return Status::error(context, ": arena, expected less than ",
                           plan.arenas.size(), ", found ", buffer.arena);
    FABRIC_RETURN_IF_ERROR(checkShape(buffer.shape, buffer.dtype).in(context));
    int64_t width = byteWidth(buffer.dtype);
    FABRIC_RETURN_IF_ERROR(checkPeerView(plan, buffer).in(context));
    std::optional<int64_t> bytes = windowBytes(plan, buffer);
    const Arena &arena = plan.arenas[static_cast<size_t>(buffer.arena)];
    std::optional<int64_t> end =
        bytes ? checkedAdd(buffer.offset, *bytes) : std::nullopt;
    if (buffer.offset < 0 || !end || *end > arena.bytes)
      return Status::error(context, ", expected to lie inside of arena '",
                           arena.name, "' of ", arena.bytes, " bytes, found ",
                           bytes ? std::to_string(*bytes) + " bytes"
                                 : "2^63 bytes or more",
                           " at offset ", buffer.offset);
    if (buffer.offset % width != 0)
      return Status::error(context, ": offset, expected a multiple of ", width,
                           ", found ", buffer.offset);
  }
  return Status::success();
}

Status plan::verifyPlan(const Plan &plan) {
  FABRIC_RETURN_IF_ERROR(checkHeader(plan));
  FABRIC_RETURN_IF_ERROR(checkArenas(plan));
  FABRIC_RETURN_IF_ERROR(checkBuffers(plan));
  FABRIC_RETURN_IF_ERROR(checkInterface(plan));
  FABRIC_RETURN_IF_ERROR(checkInstructions(plan));
  FABRIC_RETURN_IF_ERROR(checkPeerAccess(plan));
  return checkStreams(plan);
}
