//===- PeerAccess.cpp - Who may read a peer's memory, and when ------------===//

#include "runtime/Plan/PeerAccess.h"

#include "runtime/Plan/Access.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/CheckedMath.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace fabric;
using namespace fabric::plan;

namespace {

/// Bytes of an arena that an instruction reads of peers, or writes.
struct Range {
  int64_t arena, begin, end;
  size_t instruction;
  bool isRead;
};

class AccessChecker {
public:
  explicit AccessChecker(const Plan &plan) : plan(plan) {
    for (const Instruction &instruction : plan.instructions)
      accesses.push_back(accessOf(instruction));
  }

  Status run() const {
    FABRIC_RETURN_IF_ERROR(checkInterface());
    FABRIC_RETURN_IF_ERROR(checkUses());
    std::map<std::string, std::vector<AxisRef>> lists;
    for (const Buffer &buffer : plan.buffers)
      if (buffer.peer)
        lists.emplace(toString(buffer.peer->axes), buffer.peer->axes);
    for (const auto &[text, axes] : lists)
      FABRIC_RETURN_IF_ERROR(checkSegments(axes, text));
    return Status::success();
  }

private:
  const Buffer &buffer(BufferId id) const {
    return plan.buffers[static_cast<size_t>(id)];
  }

  /// What the runtime fills and reads between steps is a rank's own.
  Status checkInterface() const {
    auto check = [&](const auto &list, const char *kind) {
      for (const auto &element : list)
        if (buffer(element.buffer).peer)
          return Status::error(kind, ": buffer ", element.buffer,
                               ", expected one of the own rank, found one of "
                               "a peer");
      return Status::success();
    };
    FABRIC_RETURN_IF_ERROR(check(plan.parameters, "parameter"));
    FABRIC_RETURN_IF_ERROR(check(plan.states, "state"));
    FABRIC_RETURN_IF_ERROR(check(plan.inputs, "input"));
    FABRIC_RETURN_IF_ERROR(check(plan.outputs, "output"));
    FABRIC_RETURN_IF_ERROR(check(plan.scalars, "scalar"));
    return check(plan.constants, "constant");
  }

  Status checkUses() const {
    for (size_t i = 0; i < accesses.size(); ++i) {
      const auto &op = plan.instructions[i].op;
      bool mayRead = std::holds_alternative<Gemm>(op) ||
                     std::holds_alternative<Launch>(op);
      std::string context = "instruction " + std::to_string(i);
      for (BufferId id : accesses[i].writes)
        if (buffer(id).peer)
          return Status::error(context, ": buffer ", id,
                               ", expected one of the own rank to write, "
                               "found one of a peer");
      for (BufferId id : accesses[i].reads)
        if (buffer(id).peer && !mayRead)
          return Status::error(context, ": buffer ", id,
                               ", expected products and kernels only to read "
                               "a peer's");
    }
    return Status::success();
  }

  Range range(size_t instruction, BufferId id, bool isRead) const {
    const Buffer &window = buffer(id);
    return {window.arena, window.offset,
            window.offset + *windowBytes(plan, window), instruction, isRead};
  }

  /// For the views over one list of axes.
  Status checkSegments(const std::vector<AxisRef> &axes,
                       const std::string &text) const {
    std::vector<Range> segment;
    bool isFirst = true;
    for (size_t i = 0; i < accesses.size(); ++i) {
      const auto *ordered = orderedAxes(plan.instructions[i]);
      bool separates = ordered && coversAxes(*ordered, axes);
      // A collective reads before it separates, and writes after that.
      if (separates) {
        FABRIC_RETURN_IF_ERROR(checkSegment(segment, isFirst, false, text));
        segment.clear();
        isFirst = false;
      }
      for (BufferId id : accesses[i].writes)
        segment.push_back(range(i, id, false));
      for (BufferId id : accesses[i].reads)
        if (buffer(id).peer && toString(buffer(id).peer->axes) == text)
          segment.push_back(range(i, id, true));
    }
    return checkSegment(segment, isFirst, true, text);
  }

  Status checkSegment(std::vector<Range> &segment, bool isFirst, bool isLast,
                      const std::string &text) const {
    auto read = std::find_if(segment.begin(), segment.end(),
                             [](const Range &range) { return range.isRead; });
    if (read == segment.end())
      return Status::success();
    if (isFirst || isLast)
      return Status::error(
          "instruction ", read->instruction, ": expected a barrier over ", text,
          " ", isFirst ? "before" : "after", " it reads of a peer, found none");
    // By place; then a clash is with the farthest end of the other kind so far.
    std::sort(segment.begin(), segment.end(),
              [](const Range &a, const Range &b) {
                return std::tie(a.arena, a.begin) < std::tie(b.arena, b.begin);
              });
    const Range *farthest[2] = {nullptr, nullptr};
    for (const Range &range : segment) {
      const Range *other = farthest[!range.isRead];
      if (other && other->arena == range.arena && other->end > range.begin) {
        const Range &reader = range.isRead ? range : *other;
        const Range &writer = range.isRead ? *other : range;
        return Status::error("instruction ", writer.instruction,
                             ": expected a barrier over ", text,
                             " between what it writes and what instruction ",
                             reader.instruction, " reads of peers, found none");
      }
      const Range *&mine = farthest[range.isRead];
      if (!mine || mine->arena != range.arena || mine->end < range.end)
        mine = &range;
    }
    return Status::success();
  }

  const Plan &plan;
  std::vector<Access> accesses;
};

} // namespace

Status plan::checkPeerView(const Plan &plan, const Buffer &buffer) {
  if (!buffer.peer)
    return Status::success();
  const PeerView &peer = *buffer.peer;
  if (!plan.needs.sharedMemory)
    return Status::error("peer, expected a plan that needs shared memory");
  if (peer.axes.empty())
    return Status::error("peer, expected at least one axis, found none");
  FABRIC_RETURN_IF_ERROR(checkAxes(plan.mesh, peer.axes).in("peer"));
  int64_t group = axesSize(plan.mesh, peer.axes);
  if (peer.member < 0 || peer.member >= group)
    return Status::error("peer: member, expected less than the group's ", group,
                         " ranks over ", toString(peer.axes), ", found ",
                         peer.member);
  return Status::success();
}

std::optional<int64_t> plan::windowBytes(const Plan &plan,
                                         const Buffer &buffer) {
  int64_t bytes =
      Box::whole(buffer.shape).numElements() * byteWidth(buffer.dtype);
  if (!buffer.peer || !buffer.peer->ownPiece)
    return bytes;
  return checkedMul(bytes, axesSize(plan.mesh, buffer.peer->axes));
}

bool plan::coversAxes(const std::vector<AxisRef> &axes,
                      const std::vector<AxisRef> &inner) {
  return std::all_of(inner.begin(), inner.end(), [&](const AxisRef &part) {
    return std::any_of(axes.begin(), axes.end(), [&](const AxisRef &axis) {
      return axis.axis == part.axis &&
             (axis.size == 0 ||
              (axis.size == part.size && axis.preSize == part.preSize));
    });
  });
}

Status plan::checkPeerAccess(const Plan &plan) {
  bool any = std::any_of(plan.buffers.begin(), plan.buffers.end(),
                         [](const Buffer &b) { return b.peer.has_value(); });
  return any ? AccessChecker(plan).run() : Status::success();
}
