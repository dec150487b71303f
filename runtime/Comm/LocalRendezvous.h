//===- LocalRendezvous.h - Where threads meet -------------------*- C++ -*-===//
//
// The meeting point of one list of ranks, all threads of one process. A meeting
// opens when all have come: each brings a slot and may then read the slots of
// all, and what these point to. It ends for a rank when it finish()es; who must
// know that the others are done with what it brought asks awaitOthers().
//
// Slots are kept twice, in turn: a rank brings its next one while others still
// read the last. What fits into a slot is carried in it, and costs one wait.
//
// The state of a meeting is one number, how many have come and whether it has
// opened. Waits give up the core a few times, which is enough where ranks share
// cores and are about as fast, and then sleep on that number; where the core
// was not given back soon, they sleep at once for a while.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_LOCALRENDEZVOUS_H
#define FABRIC_RUNTIME_COMM_LOCALRENDEZVOUS_H

#include "runtime/Support/Status.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fabric::comm {

class Mover;

class LocalRendezvous {
public:
  static constexpr int64_t maxCarried = 64;

  /// What a rank brings. `op` and `bytes` must agree among the ranks.
  struct alignas(64) Slot {
    const char *op = "";
    int64_t bytes = 0;
    const std::byte *input = nullptr;
    std::byte *output = nullptr;
    std::shared_ptr<const Mover> mover = nullptr; ///< Of streams on a GPU.
    int64_t numCarried = 0;
    std::array<std::byte, maxCarried> carried = {};

    /// Puts bytes into the slot; false if they do not fit.
    bool carry(const void *data, int64_t size);
  };

  explicit LocalRendezvous(std::vector<int> ranks);

  /// Brings `slot` and waits for all. `axes` is for errors. After `timeout`
  /// the meeting is poisoned and `onLate` is told by which rank, and why.
  Status open(std::chrono::milliseconds timeout, int self, Slot slot,
              const std::string &axes,
              const std::function<void(int, const Status &)> &onLate);

  /// Of the meeting that `self` opened last; until it opens the next one.
  const Slot &slot(int self, int index) const {
    return slots[members[self].opened % 2][index];
  }

  /// This rank reads nothing more of what the others brought. Called in every
  /// meeting, by all ranks as often.
  void finish(int self);

  /// Waits until all others have finished as often as this rank.
  void awaitOthers(int self);

  /// Makes open() fail, now and later. The first reason is kept.
  void poison(const std::string &reason);

private:
  /// How far a rank is; others look at it for error messages only.
  struct alignas(64) Member {
    std::atomic<uint64_t> came = 0;
    uint64_t opened = 0;
    uint32_t finished = 0;
    int waitsToSleep = 0; ///< At once, without yielding first.
  };

  enum class Wait { Opened, Poisoned, Late };
  Wait awaitOpening(int self, uint32_t opening,
                    std::chrono::milliseconds timeout);
  /// Gives up the core a few times, where that has not cost much of late.
  template <typename Done> bool yieldUntil(int self, Done done);
  /// False if the meeting has opened meanwhile.
  bool poisonUnlessOpened(uint32_t opening, const std::string &reason);
  std::string poisonReason();
  std::string absentRanks(int self) const;

  const std::vector<int> ranks;
  std::vector<Member> members;
  std::array<std::vector<Slot>, 2> slots;

  /// Bit 31: poisoned. Bits 16 to 30 count the meetings, the others those who
  /// have come to the next one.
  alignas(64) std::atomic<uint32_t> state = 0;
  std::atomic<uint32_t> sleepers = 0;
  /// Calls of finish().
  alignas(64) std::atomic<uint32_t> finished = 0;
  std::atomic<uint32_t> finishSleepers = 0;

  std::mutex mutex; ///< Of `poisoned`.
  std::string poisoned;
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_LOCALRENDEZVOUS_H
