//===- LentInputs.cpp - Which inputs of collectives peers may keep --------===//

#include "runtime/Plan/LentInputs.h"

#include "runtime/Plan/Access.h"
#include "runtime/Plan/PeerAccess.h"
#include "runtime/Plan/Sharding.h"

#include <algorithm>
#include <map>

using namespace fabric;
using namespace fabric::plan;

namespace {

/// Where ranks meet over `axes` next, seen from an instruction.
struct Meeting {
  std::vector<AxisRef> axes;
  std::optional<size_t> next;
};

bool overlap(const Plan &plan, BufferId first, BufferId second) {
  const Buffer &a = plan.buffers[static_cast<size_t>(first)];
  const Buffer &b = plan.buffers[static_cast<size_t>(second)];
  return a.arena == b.arena && a.offset < b.offset + *windowBytes(plan, b) &&
         b.offset < a.offset + *windowBytes(plan, a);
}

} // namespace

std::vector<bool> plan::findLentInputs(const Plan &plan) {
  const std::vector<Instruction> &program = plan.instructions;
  std::vector<bool> lent(program.size(), false);
  std::map<std::string, Meeting> meetings;
  for (const Instruction &instruction : program)
    if (const std::vector<AxisRef> *axes = orderedAxes(instruction))
      meetings.emplace(toString(*axes), Meeting{*axes, std::nullopt});

  for (size_t i = program.size(); i-- > 0;) {
    const std::vector<AxisRef> *axes = orderedAxes(program[i]);
    if (!axes)
      continue;
    auto *collective = std::get_if<Collective>(&program[i].op);
    if (std::optional<size_t> next = meetings.at(toString(*axes)).next;
        collective && next) {
      auto writesInput = [&](const Instruction &later) {
        std::vector<BufferId> writes = accessOf(later).writes;
        return std::any_of(writes.begin(), writes.end(), [&](BufferId id) {
          return overlap(plan, id, collective->input);
        });
      };
      lent[i] = std::none_of(
          program.begin() + static_cast<std::ptrdiff_t>(i) + 1,
          program.begin() + static_cast<std::ptrdiff_t>(*next), writesInput);
    }
    for (auto &[text, meeting] : meetings)
      if (coversAxes(*axes, meeting.axes))
        meeting.next = i;
  }
  return lent;
}
