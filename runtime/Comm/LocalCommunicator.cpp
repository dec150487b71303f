//===- LocalCommunicator.cpp - Ranks as threads of one process ------------===//
//
// Every collective is: open, work, close. open() publishes this rank's
// addresses and waits until all have; it is where failures and timeouts are
// seen. All ranks that pass it do a finite amount of copying and then meet in
// close(), which therefore needs no way out.
//
// On a GPU the threads meet only to order the ranks' streams: before they meet
// each marks its stream, after it each follows the marks of all. A mark that is
// moved on before a peer has followed it only makes the peer wait for more, and
// every wait is for work that was given earlier: no cycle can arise.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/LocalCommunicator.h"
#include "runtime/Comm/Mover.h"

#include <atomic>
#include <condition_variable>
#include <cstring>

namespace fabric::comm {

/// Where the ranks of a group meet.
class LocalRendezvous {
public:
  /// What a rank brings. `op` and `bytes` must agree among the ranks.
  struct Slot {
    const char *op = "";
    int64_t bytes = 0;
    const std::byte *input = nullptr;
    std::byte *output = nullptr;
    std::shared_ptr<const Mover> mover = nullptr; ///< Of a group's rank.
  };

  explicit LocalRendezvous(std::vector<int> ranks)
      : ranks(std::move(ranks)), slots(this->ranks.size()),
        present(this->ranks.size()) {}

  /// Publishes `slot` and waits for all. `axes` is for errors.
  Status open(LocalWorld &world, std::chrono::milliseconds timeout, int self,
              const Slot &slot, const std::string &axes);

  /// Waits for all ranks, each of which has passed open().
  void meet(int self);

  /// Makes the waits in open() fail.
  void poison(const std::string &reason);

  const Slot &slot(int index) const { return slots[index]; }

private:
  bool arrive(int self);
  std::string absentRanks() const;

  const std::vector<int> ranks;
  std::vector<Slot> slots;
  std::vector<char> present;
  size_t arrived = 0;
  uint64_t generation = 0;
  std::optional<std::string> poisoned;
  std::mutex mutex;
  std::condition_variable changed;
};

bool LocalRendezvous::arrive(int self) {
  present[self] = true;
  if (++arrived < ranks.size())
    return false;
  arrived = 0;
  present.assign(ranks.size(), false);
  ++generation;
  changed.notify_all();
  return true;
}

std::string LocalRendezvous::absentRanks() const {
  std::string text;
  for (size_t i = 0; i < ranks.size(); ++i)
    if (!present[i])
      text += (text.empty() ? "rank " : ", rank ") + std::to_string(ranks[i]);
  return text;
}

Status LocalRendezvous::open(LocalWorld &world,
                             std::chrono::milliseconds timeout, int self,
                             const Slot &slot, const std::string &axes) {
  auto context = [&] {
    return std::string(slot.op) + " over " + axes + " on rank " +
           std::to_string(ranks[self]);
  };
  {
    std::unique_lock lock(mutex);
    if (poisoned)
      return Status::error(context(), ": ", *poisoned);
    slots[self] = slot;
    uint64_t entered = generation;
    if (!arrive(self)) {
      auto done = [&] { return generation != entered || poisoned; };
      bool inTime = changed.wait_for(lock, timeout, done);
      if (generation == entered) {
        if (inTime)
          return Status::error(context(), ": ", *poisoned);
        Status late = Status::error(
            context(), ": ", absentRanks(), " did not come within ",
            std::chrono::duration<double>(timeout).count(), " s");
        // At once, so that nobody passes after this rank has left.
        poisoned = "rank " + std::to_string(ranks[self]) +
                   " failed: " + late.message();
        changed.notify_all();
        lock.unlock();
        world.poison(ranks[self], late);
        return late;
      }
    }
  }
  // All slots are readable until the ranks meet again. A disagreement is seen
  // by all of them alike, and all have to close.
  for (size_t i = 1; i < slots.size(); ++i) {
    if (std::strcmp(slots[i].op, slots[0].op) == 0 &&
        slots[i].bytes == slots[0].bytes)
      continue;
    Status differ =
        Status::error(context(), ": rank ", ranks[i], " came with ",
                      slots[i].op, " of ", slots[i].bytes, " bytes, rank ",
                      ranks[0], " with ", slots[0].op, " of ", slots[0].bytes);
    meet(self);
    return differ;
  }
  return Status::success();
}

void LocalRendezvous::meet(int self) {
  std::unique_lock lock(mutex);
  uint64_t entered = generation;
  if (!arrive(self))
    changed.wait(lock, [&] { return generation != entered; });
}

void LocalRendezvous::poison(const std::string &reason) {
  std::lock_guard lock(mutex);
  if (!poisoned)
    poisoned = reason;
  changed.notify_all();
}

namespace {

//===----------------------------------------------------------------------===//
// LocalGroup
//===----------------------------------------------------------------------===//

class LocalGroup final : public Group {
public:
  LocalGroup(GroupSpec spec, int self, std::shared_ptr<LocalWorld> world,
             std::shared_ptr<LocalRendezvous> meeting,
             std::chrono::milliseconds timeout, std::shared_ptr<Mover> mover)
      : Group(std::move(spec), self, std::move(mover)), world(std::move(world)),
        meeting(std::move(meeting)), timeout(timeout), sources(size()),
        peers(size()) {}

protected:
  Status doAllGather(DType dtype, Pieces pieces, const void *input,
                     void *output) override {
    int64_t width = plan::byteWidth(dtype);
    Rows dense = denseRows(pieces, width),
         spread = rowsOf(pieces, size(), width);
    if (size() == 1 && input == output)
      return Status::success();
    FABRIC_RETURN_IF_ERROR(
        open("all_gather", dense.totalBytes(), input, output));
    return close(eachPeer([&](int peer) {
      return mover().copyRows(meeting->slot(peer).input, dense,
                              bytes(output) + pieceOffset(pieces, peer, width),
                              spread);
    }));
  }

  Status doReduceScatter(DType dtype, Reduction reduction, Pieces pieces,
                         const void *input, void *output) override {
    int64_t width = plan::byteWidth(dtype);
    FABRIC_RETURN_IF_ERROR(
        open("reduce_scatter", pieces.count() * width, input, output));
    takeSources(pieceOffset(pieces, index(), width));
    return close(mover().reduceRows(dtype, reduction, sources,
                                    rowsOf(pieces, size(), width),
                                    bytes(output)));
  }

  Status doAllReduce(DType dtype, Reduction reduction, int64_t count,
                     const void *input, void *output) override {
    int64_t width = plan::byteWidth(dtype), total = count * width;
    FABRIC_RETURN_IF_ERROR(open("all_reduce", total, input, output));

    // Few elements: everyone reduces all of them, and saves a meeting.
    alignas(8) std::byte small[4096];
    if (mover().onHost() && total <= static_cast<int64_t>(sizeof(small))) {
      takeSources(0);
      FABRIC_RETURN_IF_ERROR(close(mover().reduceRows(
          dtype, reduction, sources, Rows{1, total, 0}, small)));
      std::memcpy(output, small, total);
      return Status::success();
    }

    // Each rank reduces its share of the elements and nobody else reads these
    // from its input, so working in place is safe.
    auto begin = [&](int rank) { return count * rank / size() * width; };
    auto share = [&](int rank) {
      return Rows{1, begin(rank + 1) - begin(rank), 0};
    };
    int64_t mine = begin(index());
    takeSources(mine);
    Status status = close(mover().reduceRows(
        dtype, reduction, sources, share(index()), bytes(output) + mine));
    // A rank that failed stays: the others read what it has.
    return close(eachPeer([&](int peer) {
      if (status.failed() || peer == index())
        return status;
      return mover().copyRows(meeting->slot(peer).output + begin(peer),
                              share(peer), bytes(output) + begin(peer),
                              share(peer));
    }));
  }

  Status doAllToAll(DType dtype, Pieces split, Pieces concat, const void *input,
                    void *output) override {
    int64_t width = plan::byteWidth(dtype);
    FABRIC_RETURN_IF_ERROR(
        open("all_to_all", split.count() * width, input, output));
    return close(eachPeer([&](int peer) {
      return mover().copyRows(meeting->slot(peer).input +
                                  pieceOffset(split, index(), width),
                              rowsOf(split, size(), width),
                              bytes(output) + pieceOffset(concat, peer, width),
                              rowsOf(concat, size(), width));
    }));
  }

  Status doBarrier() override {
    FABRIC_RETURN_IF_ERROR(open("barrier", 0, nullptr, nullptr));
    return close(Status::success());
  }

private:
  static std::byte *bytes(void *address) {
    return static_cast<std::byte *>(address);
  }

  /// The same place in every rank's input.
  void takeSources(int64_t offset) {
    for (int peer = 0; peer < size(); ++peer)
      sources[peer] = meeting->slot(peer).input + offset;
  }

  template <typename Work> Status eachPeer(Work work) {
    for (int peer = 0; peer < size(); ++peer)
      FABRIC_RETURN_IF_ERROR(work(peer));
    return Status::success();
  }

  Status open(const char *op, int64_t bytesOfRank, const void *input,
              void *output) {
    FABRIC_RETURN_IF_ERROR(mover().mark());
    LocalRendezvous::Slot slot{op, bytesOfRank,
                               static_cast<const std::byte *>(input),
                               bytes(output), sharedMover()};
    FABRIC_RETURN_IF_ERROR(
        meeting->open(*world, timeout, index(), slot, axes()));
    // A slot may change as soon as its rank has met the others again.
    for (int peer = 0; peer < size(); ++peer)
      peers[peer] = meeting->slot(peer).mover;
    // From here on the others count on this rank: a failure waits for close().
    followed = followPeers();
    return Status::success();
  }

  /// Every rank that has passed open() comes here, as often as the others,
  /// whatever has happened.
  Status close(Status status) {
    if (followed.failed())
      status = followed;
    if (status.ok())
      status = mover().mark();
    meeting->meet(index());
    return status.ok() ? followPeers() : status;
  }

  Status followPeers() {
    return eachPeer([&](int peer) {
      return peer == index() ? Status::success() : mover().follow(*peers[peer]);
    });
  }

  std::shared_ptr<LocalWorld> world;
  std::shared_ptr<LocalRendezvous> meeting;
  std::chrono::milliseconds timeout;
  // Filled in a call, kept for it.
  std::vector<const std::byte *> sources;
  std::vector<std::shared_ptr<const Mover>> peers;
  Status followed = Status::success();
};

} // namespace

//===----------------------------------------------------------------------===//
// LocalCommunicator and LocalWorld
//===----------------------------------------------------------------------===//

class LocalCommunicator final : public Communicator {
public:
  LocalCommunicator(std::shared_ptr<LocalWorld> world, int self)
      : world(std::move(world)), self(self) {
    std::vector<int> all(this->world->size());
    for (int rank = 0; rank < this->world->size(); ++rank)
      all[rank] = rank;
    meeting = this->world->rendezvous(all);
  }

  int rank() const override { return self; }
  int size() const override { return world->size(); }
  std::string_view name() const override { return "local"; }

  Expected<std::vector<std::string>>
  exchange(const std::string &bytes) override {
    return copyAll("exchange", bytes);
  }

  plan::CommFeatures features() const override {
    return {.sharedMemory = true};
  }

  Expected<std::vector<std::shared_ptr<const std::byte>>>
  shareMemory(const std::shared_ptr<const std::byte> &mine) override {
    return copyAll("sharing of memory", mine);
  }

  std::optional<Status> failure() const override {
    return world->firstFailure();
  }

  void abort(const Status &why) override { world->poison(self, why); }

  /// Peers' buffers are read where they lie.
  int64_t scratchBytes() const override { return 0; }

protected:
  Expected<std::unique_ptr<Group>> doCreateGroup(GroupSpec spec, int index,
                                                 std::shared_ptr<Mover> mover,
                                                 device::Stream *) override {
    std::shared_ptr<LocalRendezvous> place = world->rendezvous(spec.ranks);
    return std::unique_ptr<Group>(std::make_unique<LocalGroup>(
        std::move(spec), index, world, std::move(place), world->options.timeout,
        std::move(mover)));
  }

private:
  /// Every rank's value, in rank order.
  template <typename T>
  Expected<std::vector<T>> copyAll(const char *op, const T &mine) {
    LocalRendezvous::Slot slot{
        op, 0, reinterpret_cast<const std::byte *>(&mine), nullptr};
    FABRIC_RETURN_IF_ERROR(
        meeting->open(*world, world->options.timeout, self, slot, "all axes"));
    std::vector<T> all;
    for (int peer = 0; peer < size(); ++peer)
      all.push_back(*reinterpret_cast<const T *>(meeting->slot(peer).input));
    meeting->meet(self);
    return all;
  }

  std::shared_ptr<LocalWorld> world;
  std::shared_ptr<LocalRendezvous> meeting;
  int self;
};

std::shared_ptr<LocalWorld> LocalWorld::create(int size, CommOptions options) {
  return std::shared_ptr<LocalWorld>(new LocalWorld(size, options));
}

LocalWorld::~LocalWorld() = default;

std::unique_ptr<Communicator> LocalWorld::communicator(int rank) {
  return std::make_unique<LocalCommunicator>(shared_from_this(), rank);
}

std::shared_ptr<LocalRendezvous>
LocalWorld::rendezvous(const std::vector<int> &ranks) {
  std::lock_guard lock(mutex);
  std::shared_ptr<LocalRendezvous> &place = meetings[ranks];
  if (!place) {
    place = std::make_shared<LocalRendezvous>(ranks);
    if (failure)
      place->poison("rank " + std::to_string(failedRank) +
                    " failed: " + failure->message());
  }
  return place;
}

void LocalWorld::poison(int rank, const Status &why) {
  std::lock_guard lock(mutex);
  if (failure)
    return;
  failure = why;
  failedRank = rank;
  for (auto &[ranks, place] : meetings)
    place->poison("rank " + std::to_string(rank) + " failed: " + why.message());
}

std::optional<Status> LocalWorld::firstFailure() const {
  std::lock_guard lock(mutex);
  return failure;
}

} // namespace fabric::comm
