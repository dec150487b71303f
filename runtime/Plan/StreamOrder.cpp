//===- StreamOrder.cpp - What runs after what, in several streams ---------===//
//
// Races are found in one walk over the plan. Each stream has a clock: for each
// other stream, its last instruction that is known to be done. A record keeps
// its stream's clock, a wait takes the later of both. For every byte and stream
// it is known which instruction wrote it last, and which read it last: those
// before that in the same stream are done when it is. An instruction is in
// order with all others if these are done by its stream's clock.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/StreamOrder.h"

#include "runtime/Plan/Access.h"
#include "runtime/Plan/PeerAccess.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/RangeMax.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

using namespace fabric;
using namespace fabric::plan;

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

static Status checkNames(const Plan &plan) {
  if (plan.streams.empty())
    return Status::success();
  if (plan.streams.size() < 2 || plan.streams.size() > maxStreams)
    return Status::error("streams, expected none or 2 to ", maxStreams,
                         ", found ", plan.streams.size());
  std::set<std::string> names;
  for (const std::string &name : plan.streams)
    if (name.empty() || !names.insert(name).second)
      return Status::error("streams, expected distinct names, found '", name,
                           name.empty() ? "'" : "' twice");
  for (size_t id = 0; id < plan.buffers.size(); ++id)
    if (plan.buffers[id].peer)
      return Status::error("buffer ", id,
                           ": peer, expected none in a plan "
                           "with streams, found one");
  return Status::success();
}

/// Where an instruction may run.
static Status checkStream(const Plan &plan, const Instruction &instruction) {
  int64_t known = std::max<int64_t>(1, std::ssize(plan.streams));
  int64_t stream = instruction.stream;
  if (stream < 0 || stream >= known)
    return Status::error("stream, expected less than ", known, ", found ",
                         stream);
  const auto &op = instruction.op;
  if (stream != 0 &&
      (std::holds_alternative<Gemm>(op) || std::holds_alternative<Launch>(op)))
    return Status::error("expected it in stream '", plan.streams[0],
                         "', which computes, found it in '",
                         plan.streams[static_cast<size_t>(stream)], "'");
  if (!plan.streams.empty() && std::holds_alternative<Barrier>(op))
    return Status::error("expected no barrier in a plan with streams");
  return Status::success();
}

/// The ranks that meet, in one spelling: axes of one rank left out, and parts
/// of an axis that follow one another joined.
static std::string spellGroup(const Mesh &mesh,
                              const std::vector<AxisRef> &axes) {
  std::vector<AxisRef> parts;
  for (const AxisRef &axis : axes) {
    AxisRef part{axis.axis, axis.preSize, axesSize(mesh, {axis})};
    if (part.size == 1)
      continue;
    if (!parts.empty() && parts.back().axis == part.axis &&
        parts.back().preSize * parts.back().size == part.preSize)
      parts.back().size *= part.size;
    else
      parts.push_back(part);
  }
  return parts.empty() ? std::string() : toString(parts);
}

namespace {
/// Records, waits and collectives in the order of the plan.
class Structure {
public:
  explicit Structure(const Plan &plan) : plan(plan) {}

  Status add(const Instruction &instruction) {
    FABRIC_RETURN_IF_ERROR(checkStream(plan, instruction));
    if (auto *record = std::get_if<Record>(&instruction.op)) {
      if (record->event != std::ssize(recordedIn))
        return Status::error("event, expected the next one, ",
                             recordedIn.size(), ", found ", record->event);
      recordedIn.push_back(instruction.stream);
    }
    if (auto *wait = std::get_if<Wait>(&instruction.op)) {
      if (wait->event < 0 || wait->event >= std::ssize(recordedIn))
        return Status::error("event, expected one that is recorded before, "
                             "less than ",
                             recordedIn.size(), ", found ", wait->event);
      if (recordedIn[static_cast<size_t>(wait->event)] == instruction.stream)
        return Status::error("event, expected one of another stream, found ",
                             wait->event, " of the same");
    }
    return addGroup(instruction);
  }

private:
  /// A group's collectives are in one order on all ranks only if they are in
  /// one stream.
  Status addGroup(const Instruction &instruction) {
    const auto *axes = orderedAxes(instruction);
    if (!axes || plan.streams.empty())
      return Status::success();
    std::string group = spellGroup(plan.mesh, *axes);
    if (group.empty())
      return Status::success();
    auto [known, isNew] = streamOf.try_emplace(group, instruction.stream);
    if (known->second == instruction.stream)
      return Status::success();
    return Status::error(
        "expected it in stream '",
        plan.streams[static_cast<size_t>(known->second)],
        "', as what comes before it over ", toString(*axes), ", found it in '",
        plan.streams[static_cast<size_t>(instruction.stream)], "'");
  }

  const Plan &plan;
  std::vector<int64_t> recordedIn; ///< By event.
  std::map<std::string, int64_t> streamOf;
};
} // namespace

//===----------------------------------------------------------------------===//
// Races
//===----------------------------------------------------------------------===//

namespace {

/// The bytes of all arenas, cut wherever a buffer begins or ends.
class Cells {
public:
  explicit Cells(const Plan &plan) {
    std::vector<int64_t> arenaBegins;
    int64_t end = 0;
    for (const Arena &arena : plan.arenas)
      arenaBegins.push_back(std::exchange(end, end + arena.bytes));
    std::vector<std::pair<int64_t, int64_t>> bytes;
    std::vector<int64_t> cuts;
    for (const Buffer &buffer : plan.buffers) {
      int64_t begin =
          arenaBegins[static_cast<size_t>(buffer.arena)] + buffer.offset;
      bytes.emplace_back(begin, begin + *windowBytes(plan, buffer));
      cuts.push_back(bytes.back().first);
      cuts.push_back(bytes.back().second);
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    auto cellAt = [&](int64_t place) {
      return static_cast<size_t>(
          std::lower_bound(cuts.begin(), cuts.end(), place) - cuts.begin());
    };
    for (auto [begin, end] : bytes)
      ranges.emplace_back(cellAt(begin), cellAt(end));
    count = cuts.size();
  }

  /// The cells of a buffer, from the first to behind the last.
  std::pair<size_t, size_t> operator[](BufferId buffer) const {
    return ranges[static_cast<size_t>(buffer)];
  }
  size_t size() const { return count; }

private:
  std::vector<std::pair<size_t, size_t>> ranges;
  size_t count = 0;
};

class RaceChecker {
public:
  explicit RaceChecker(const Plan &plan)
      : plan(plan), cells(plan),
        clocks(plan.streams.size(), Clock(plan.streams.size(), none)),
        writers(plan.streams.size(), RangeMax(cells.size(), none)),
        readers(plan.streams.size(), RangeMax(cells.size(), none)) {}

  Status run() {
    for (int64_t i = 0; i < std::ssize(plan.instructions); ++i)
      FABRIC_RETURN_IF_ERROR(step(i));
    return Status::success();
  }

private:
  /// For each stream, its last instruction that is done.
  using Clock = std::vector<int64_t>;
  static constexpr int64_t none = -1;

  Status step(int64_t index) {
    const Instruction &instruction =
        plan.instructions[static_cast<size_t>(index)];
    size_t stream = static_cast<size_t>(instruction.stream);
    Clock &clock = clocks[stream];
    if (auto *wait = std::get_if<Wait>(&instruction.op)) {
      const Clock &event = events[static_cast<size_t>(wait->event)];
      for (size_t other = 0; other < clock.size(); ++other)
        clock[other] = std::max(clock[other], event[other]);
    }
    Access access = accessOf(instruction);
    for (BufferId id : access.reads)
      FABRIC_RETURN_IF_ERROR(check(index, id, "reads", writers, "writes"));
    for (BufferId id : access.writes) {
      FABRIC_RETURN_IF_ERROR(check(index, id, "writes", writers, "writes"));
      FABRIC_RETURN_IF_ERROR(check(index, id, "writes", readers, "reads"));
    }
    auto note = [&](RangeMax &last, BufferId id) {
      last.set(cells[id].first, cells[id].second, index);
    };
    for (BufferId id : access.reads)
      note(readers[stream], id);
    for (BufferId id : access.writes)
      note(writers[stream], id);
    clock[stream] = index;
    if (std::holds_alternative<Record>(instruction.op))
      events.push_back(clock);
    return Status::success();
  }

  /// That whoever touched the buffer's bytes last, in each other stream, is
  /// done.
  Status check(int64_t index, BufferId id, const char *what,
               const std::vector<RangeMax> &last, const char *before) const {
    const Instruction &instruction =
        plan.instructions[static_cast<size_t>(index)];
    const Clock &clock = clocks[static_cast<size_t>(instruction.stream)];
    for (size_t stream = 0; stream < last.size(); ++stream) {
      if (stream == static_cast<size_t>(instruction.stream))
        continue;
      int64_t other = last[stream].max(cells[id].first, cells[id].second);
      if (other > clock[stream])
        return Status::error(describe(index), ": buffer ", id,
                             ", expected a wait between what it ", what,
                             " and what ", describe(other), " ", before,
                             ", found none");
    }
    return Status::success();
  }

  /// "instruction 3 (all_gather, stream 'dp')".
  std::string describe(int64_t index) const {
    const Instruction &instruction =
        plan.instructions[static_cast<size_t>(index)];
    return "instruction " + std::to_string(index) + " (" +
           std::string(nameOf(instruction)) + ", stream '" +
           plan.streams[static_cast<size_t>(instruction.stream)] + "')";
  }

  const Plan &plan;
  const Cells cells;
  std::vector<Clock> clocks;              ///< By stream.
  std::vector<Clock> events;              ///< By event.
  std::vector<RangeMax> writers, readers; ///< By stream.
};

} // namespace

Status plan::checkStreams(const Plan &plan) {
  FABRIC_RETURN_IF_ERROR(checkNames(plan));
  Structure structure(plan);
  for (size_t i = 0; i < plan.instructions.size(); ++i)
    FABRIC_RETURN_IF_ERROR(structure.add(plan.instructions[i])
                               .in("instruction " + std::to_string(i)));
  // One stream is one order.
  return plan.streams.empty() ? Status::success() : RaceChecker(plan).run();
}
