//===- LocalRendezvous.cpp - Where threads meet ---------------------------===//

#include "runtime/Comm/LocalRendezvous.h"
#include "runtime/Comm/Futex.h"

#include <cassert>
#include <cstring>
#include <thread>

namespace fabric::comm {
namespace {

constexpr uint32_t poisonBit = 1u << 31;
constexpr uint32_t arrivals = (1u << 16) - 1;
constexpr uint32_t openingUnit = 1u << 16;

/// Which meeting a state is of.
uint32_t openingOf(uint32_t state) { return state & ~(poisonBit | arrivals); }

/// How often a wait gives up its core before it sleeps. Sleeping and waking
/// costs more than ranks that are equally fast are apart.
constexpr int yields = 16;
/// Who gets the core back later than this has given it to somebody who
/// computes, a rank far behind or another program, and is better woken: in as
/// many waits from then on.
constexpr std::chrono::microseconds longYield(100);
constexpr int waitsAfterLongYield = 100;

} // namespace

template <typename Done> bool LocalRendezvous::yieldUntil(int self, Done done) {
  using Clock = std::chrono::steady_clock;
  if (done())
    return true;
  int &waitsToSleep = members[self].waitsToSleep;
  if (waitsToSleep > 0) {
    --waitsToSleep;
    return false;
  }
  Clock::time_point before = Clock::now();
  for (int i = 0; i < yields && waitsToSleep == 0; ++i) {
    std::this_thread::yield();
    Clock::time_point after = Clock::now();
    if (after - before > longYield)
      waitsToSleep = waitsAfterLongYield;
    if (done())
      return true;
    before = after;
  }
  return false;
}

bool LocalRendezvous::Slot::carry(const void *data, int64_t size) {
  if (size > maxCarried)
    return false;
  std::memcpy(carried.data(), data, static_cast<size_t>(size));
  numCarried = size;
  return true;
}

LocalRendezvous::LocalRendezvous(std::vector<int> ranks)
    : ranks(std::move(ranks)), members(this->ranks.size()) {
  assert(this->ranks.size() <= arrivals);
  for (std::vector<Slot> &list : slots)
    list.resize(this->ranks.size());
}

Status
LocalRendezvous::open(std::chrono::milliseconds timeout, int self, Slot slot,
                      const std::string &axes,
                      const std::function<void(int, const Status &)> &onLate) {
  auto failure = [&](const auto &...why) {
    return Status::error(slot.op, " over ", axes, " on rank ", ranks[self],
                         ": ", why...);
  };
  Member &member = members[self];
  slots[(member.opened + 1) % 2][self] = slot;
  member.came.store(member.opened + 1, std::memory_order_relaxed);

  uint32_t before = state.load(), after;
  uint32_t opening = openingOf(before);
  bool last;
  do {
    if (before & poisonBit)
      return failure(poisonReason());
    last = (before & arrivals) + 1 == ranks.size();
    after = last ? openingOf(before + openingUnit) : before + 1;
  } while (!state.compare_exchange_weak(before, after));
  if (last) {
    if (sleepers.load() > 0)
      futexWakeAll(state);
  } else if (Wait wait = awaitOpening(self, opening, timeout);
             wait != Wait::Opened) {
    if (wait == Wait::Poisoned)
      return failure(poisonReason());
    Status late = failure(absentRanks(self), " did not come within ",
                          std::chrono::duration<double>(timeout).count(), " s");
    // Nobody passes after this rank has left.
    if (poisonUnlessOpened(opening, "rank " + std::to_string(ranks[self]) +
                                        " failed: " + late.message())) {
      onLate(ranks[self], late);
      return late;
    }
  }
  ++member.opened;

  // All see the same, and nobody reads what the others brought.
  const std::vector<Slot> &brought = slots[member.opened % 2];
  for (size_t i = 1; i < brought.size(); ++i)
    if (std::strcmp(brought[i].op, brought[0].op) != 0 ||
        brought[i].bytes != brought[0].bytes)
      return failure("rank ", ranks[i], " came with ", brought[i].op, " of ",
                     brought[i].bytes, " bytes, rank ", ranks[0], " with ",
                     brought[0].op, " of ", brought[0].bytes);
  return Status::success();
}

LocalRendezvous::Wait
LocalRendezvous::awaitOpening(int self, uint32_t opening,
                              std::chrono::milliseconds timeout) {
  auto hasOpened = [&](uint32_t now) { return openingOf(now) != opening; };
  if (yieldUntil(self, [&] {
        return hasOpened(state.load(std::memory_order_acquire));
      }))
    return Wait::Opened;
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline = Clock::now() + timeout;
  Wait result = Wait::Late;
  sleepers.fetch_add(1);
  while (true) {
    uint32_t now = state.load();
    if (hasOpened(now)) {
      result = Wait::Opened;
      break;
    }
    if (now & poisonBit) {
      result = Wait::Poisoned;
      break;
    }
    Clock::duration left = deadline - Clock::now();
    if (left <= Clock::duration::zero())
      break;
    futexWait(state, now, left);
  }
  sleepers.fetch_sub(1);
  return result;
}

void LocalRendezvous::finish(int self) {
  ++members[self].finished;
  uint32_t count = finished.fetch_add(1) + 1;
  if (count % ranks.size() == 0 && finishSleepers.load() > 0)
    futexWakeAll(finished);
}

void LocalRendezvous::awaitOthers(int self) {
  // Nobody can be a whole round ahead: that takes a meeting with this rank.
  auto target = members[self].finished * static_cast<uint32_t>(ranks.size());
  auto reached = [&](uint32_t now) {
    return static_cast<int32_t>(now - target) >= 0;
  };
  if (yieldUntil(self, [&] {
        return reached(finished.load(std::memory_order_acquire));
      }))
    return;
  finishSleepers.fetch_add(1);
  for (uint32_t now = finished.load(); !reached(now); now = finished.load())
    futexWait(finished, now);
  finishSleepers.fetch_sub(1);
}

void LocalRendezvous::poison(const std::string &reason) {
  std::lock_guard lock(mutex);
  if (poisoned.empty())
    poisoned = reason;
  state.fetch_or(poisonBit);
  futexWakeAll(state);
}

bool LocalRendezvous::poisonUnlessOpened(uint32_t opening,
                                         const std::string &reason) {
  // Whoever sees the bit reads the reason after this lock.
  std::lock_guard lock(mutex);
  uint32_t now = state.load();
  do {
    if (openingOf(now) != opening)
      return false;
  } while (!state.compare_exchange_weak(now, now | poisonBit));
  if (poisoned.empty())
    poisoned = reason;
  futexWakeAll(state);
  return true;
}

std::string LocalRendezvous::poisonReason() {
  std::lock_guard lock(mutex);
  return poisoned;
}

std::string LocalRendezvous::absentRanks(int self) const {
  std::string text;
  uint64_t here = members[self].came.load();
  for (size_t i = 0; i < ranks.size(); ++i)
    if (members[i].came.load() < here)
      text += (text.empty() ? "rank " : ", rank ") + std::to_string(ranks[i]);
  return text;
}

} // namespace fabric::comm
