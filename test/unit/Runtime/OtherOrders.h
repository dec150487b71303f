//===- OtherOrders.h - What streams and events allow besides ----*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_OTHERORDERS_H
#define FABRIC_TEST_UNIT_RUNTIME_OTHERORDERS_H

#include "runtime/Plan/Plan.h"

#include <algorithm>
#include <deque>
#include <random>

namespace fabric::test {

/// Another order in which a device may run the plan, as a plan of one stream.
/// Of the streams whose next instruction waits for nothing, seed 0 takes the
/// first, seed 1 the last, and the others any.
inline plan::Plan reorder(const plan::Plan &plan, uint64_t seed) {
  std::vector<std::deque<const plan::Instruction *>> streams(
      std::max<size_t>(1, plan.streams.size()));
  for (const plan::Instruction &instruction : plan.instructions)
    streams[static_cast<size_t>(instruction.stream)].push_back(&instruction);
  std::vector<bool> isRecorded(plan.instructions.size());
  auto isReady = [&](const auto &stream) {
    if (stream.empty())
      return false;
    auto *wait = std::get_if<plan::Wait>(&stream.front()->op);
    return !wait || isRecorded[static_cast<size_t>(wait->event)];
  };
  plan::Plan result = plan;
  result.streams.clear();
  result.instructions.clear();
  std::mt19937_64 random(seed);
  for (size_t run = 0; run < plan.instructions.size(); ++run) {
    std::vector<size_t> ready;
    for (size_t stream = 0; stream < streams.size(); ++stream)
      if (isReady(streams[stream]))
        ready.push_back(stream);
    auto &stream = streams[seed == 0   ? ready.front()
                           : seed == 1 ? ready.back()
                                       : ready[random() % ready.size()]];
    plan::Instruction next = *stream.front();
    stream.pop_front();
    if (auto *record = std::get_if<plan::Record>(&next.op)) {
      isRecorded[static_cast<size_t>(record->event)] = true;
    } else if (!std::holds_alternative<plan::Wait>(next.op)) {
      next.stream = 0;
      result.instructions.push_back(next);
    }
  }
  return result;
}

/// The indices of all waits.
inline std::vector<size_t> findWaits(const plan::Plan &plan) {
  std::vector<size_t> waits;
  for (size_t i = 0; i < plan.instructions.size(); ++i)
    if (std::holds_alternative<plan::Wait>(plan.instructions[i].op))
      waits.push_back(i);
  return waits;
}

inline plan::Plan without(plan::Plan plan, size_t instruction) {
  plan.instructions.erase(plan.instructions.begin() +
                          static_cast<ptrdiff_t>(instruction));
  return plan;
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_OTHERORDERS_H
