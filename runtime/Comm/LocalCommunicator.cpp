//===- LocalCommunicator.cpp - Ranks as threads of one process ------------===//
//
// Every collective is: open, work, close. open() publishes this rank's
// addresses and waits until all have; it is where failures and timeouts are
// seen. All ranks that pass it do a finite amount of copying, for which close()
// waits; it therefore needs no way out. Where a rank needs nothing of the
// others but what they brought to the meeting, or that they came, there is no
// close().
//
// On a GPU the threads meet only to order the ranks' streams: before they meet
// each marks its stream, after it each follows the marks of all. A mark that is
// moved on before a peer has followed it only makes the peer wait for more, and
// every wait is for work that was given earlier: no cycle can arise.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/LocalCommunicator.h"
#include "runtime/Comm/LocalRendezvous.h"
#include "runtime/Comm/Mover.h"

#include <algorithm>
#include <cstring>

namespace fabric::comm {

namespace {

//===----------------------------------------------------------------------===//
// LocalGroup
//===----------------------------------------------------------------------===//

class LocalGroup final : public Group {
public:
  LocalGroup(GroupSpec spec, int self, std::shared_ptr<LocalWorld> world,
             std::shared_ptr<LocalRendezvous> meeting,
             std::shared_ptr<Mover> mover)
      : Group(std::move(spec), self, std::move(mover)), world(std::move(world)),
        meeting(std::move(meeting)), sources(size()) {}

  /// Nobody reads what the rank has lent any more.
  ~LocalGroup() override { meeting->awaitOthers(index()); }

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
      return mover().copyRows(brought(peer).input, dense,
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
    // A scalar is in the slot.
    bool carried = mover().onHost() && total <= LocalRendezvous::maxCarried;
    FABRIC_RETURN_IF_ERROR(
        open("all_reduce", total, input, output, carried ? total : 0));
    if (carried) {
      for (int peer = 0; peer < size(); ++peer)
        sources[peer] = brought(peer).carried.data();
      return mover().reduceRows(dtype, reduction, sources, Rows{1, total, 0},
                                bytes(output));
    }

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
      return mover().copyRows(brought(peer).output + begin(peer), share(peer),
                              bytes(output) + begin(peer), share(peer));
    }));
  }

  Status doAllToAll(DType dtype, Pieces split, Pieces concat, const void *input,
                    void *output) override {
    int64_t width = plan::byteWidth(dtype);
    FABRIC_RETURN_IF_ERROR(
        open("all_to_all", split.count() * width, input, output));
    return close(eachPeer([&](int peer) {
      return mover().copyRows(brought(peer).input +
                                  pieceOffset(split, index(), width),
                              rowsOf(split, size(), width),
                              bytes(output) + pieceOffset(concat, peer, width),
                              rowsOf(concat, size(), width));
    }));
  }

  Status doBarrier() override {
    FABRIC_RETURN_IF_ERROR(open("barrier", 0, nullptr, nullptr));
    return followed;
  }

private:
  static std::byte *bytes(void *address) {
    return static_cast<std::byte *>(address);
  }

  /// The same place in every rank's input.
  void takeSources(int64_t offset) {
    for (int peer = 0; peer < size(); ++peer)
      sources[peer] = brought(peer).input + offset;
  }

  template <typename Work> Status eachPeer(Work work) {
    for (int peer = 0; peer < size(); ++peer)
      FABRIC_RETURN_IF_ERROR(work(peer));
    return Status::success();
  }

  const LocalRendezvous::Slot &brought(int peer) const {
    return meeting->slot(index(), peer);
  }

  /// Of the input, `numCarried` bytes are brought along.
  Status open(const char *op, int64_t bytesOfRank, const void *input,
              void *output, int64_t numCarried = 0) {
    FABRIC_RETURN_IF_ERROR(mover().mark());
    LocalRendezvous::Slot slot{
        op, bytesOfRank, static_cast<const std::byte *>(input), bytes(output)};
    slot.carry(input, numCarried);
    if (!mover().onHost())
      slot.mover = sharedMover();
    FABRIC_RETURN_IF_ERROR(
        world->open(*meeting, index(), std::move(slot), axes()));
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
    meeting->finish(index());
    if (inputAfter() == Input::Lent && mover().onHost())
      return status;
    meeting->awaitOthers(index());
    return status.ok() ? followPeers() : status;
  }

  /// On the host there is nothing to follow.
  Status followPeers() {
    return eachPeer([&](int peer) {
      const std::shared_ptr<const Mover> &mark = brought(peer).mover;
      return peer == index() || !mark ? Status::success()
                                      : mover().follow(*mark);
    });
  }

  std::shared_ptr<LocalWorld> world;
  std::shared_ptr<LocalRendezvous> meeting;
  // Filled in a call, kept for it.
  std::vector<const std::byte *> sources;
  Status followed = Status::success();
};

} // namespace

//===----------------------------------------------------------------------===//
// LocalCommunicator and LocalWorld
//===----------------------------------------------------------------------===//

class LocalCommunicator final : public Communicator {
  class Joint;

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
    LocalRendezvous::Slot slot{"exchange"};
    slot.input = reinterpret_cast<const std::byte *>(&bytes);
    // Nothing, or a few numbers: all that a step asks.
    bool carried = slot.carry(bytes.data(), static_cast<int64_t>(bytes.size()));
    slot.numCarried = carried ? slot.numCarried : -1;
    FABRIC_RETURN_IF_ERROR(open(std::move(slot)));
    std::vector<std::string> all(size());
    bool allCarried = true;
    for (int peer = 0; peer < size(); ++peer) {
      const LocalRendezvous::Slot &its = meeting->slot(self, peer);
      allCarried &= its.numCarried >= 0;
      if (its.numCarried >= 0)
        all[peer].assign(reinterpret_cast<const char *>(its.carried.data()),
                         static_cast<size_t>(its.numCarried));
      else
        all[peer] = *reinterpret_cast<const std::string *>(its.input);
    }
    if (!allCarried)
      close();
    return all;
  }

  plan::CommFeatures features() const override {
    return {.sharedMemory = true};
  }

  Expected<std::vector<std::shared_ptr<const std::byte>>>
  shareMemory(const std::shared_ptr<const std::byte> &mine) override {
    LocalRendezvous::Slot slot{"sharing of memory"};
    slot.input = reinterpret_cast<const std::byte *>(&mine);
    FABRIC_RETURN_IF_ERROR(open(std::move(slot)));
    std::vector<std::shared_ptr<const std::byte>> all;
    for (int peer = 0; peer < size(); ++peer)
      all.push_back(*reinterpret_cast<const std::shared_ptr<const std::byte> *>(
          meeting->slot(self, peer).input));
    close();
    return all;
  }

  Expected<std::unique_ptr<JointStreams>>
  joinStreams(device::Stream &stream) override;

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
        std::move(spec), index, world, std::move(place), std::move(mover)));
  }

private:
  Status open(LocalRendezvous::Slot slot) {
    return world->open(*meeting, self, std::move(slot), "all axes");
  }
  /// What a slot pointed to is this rank's own again.
  void close() {
    meeting->finish(self);
    meeting->awaitOthers(self);
  }

  std::shared_ptr<LocalWorld> world;
  std::shared_ptr<LocalRendezvous> meeting;
  int self;
};

/// The first rank leads. Marks and follows as groups do, but one way only: a
/// stream that is captured follows none that is not.
class LocalCommunicator::Joint final : public JointStreams {
public:
  Joint(LocalCommunicator &ranks, std::shared_ptr<Mover> mover)
      : ranks(ranks), mover(std::move(mover)) {}

  bool leads() const override { return ranks.self == 0; }
  Status fanOut() override {
    return leads() ? mark("fan_out") : follow("fan_out", 0, 1);
  }
  Status fanIn() override {
    return leads() ? follow("fan_in", 1, ranks.size()) : mark("fan_in");
  }
  Status agree(const Status &status) override { return ranks.agree(status); }

private:
  Status mark(const char *op) {
    FABRIC_RETURN_IF_ERROR(mover->mark());
    FABRIC_RETURN_IF_ERROR(open(op));
    ranks.close();
    return Status::success();
  }

  /// After the marks of ranks [begin, end).
  Status follow(const char *op, int begin, int end) {
    FABRIC_RETURN_IF_ERROR(open(op));
    Status status = Status::success();
    for (int peer = begin; peer < end && status.ok(); ++peer)
      status = mover->follow(*ranks.meeting->slot(ranks.self, peer).mover);
    ranks.close();
    return status;
  }

  Status open(const char *op) {
    LocalRendezvous::Slot slot{op};
    slot.mover = mover;
    return ranks.open(std::move(slot));
  }

  LocalCommunicator &ranks;
  std::shared_ptr<Mover> mover;
};

Expected<std::unique_ptr<JointStreams>>
LocalCommunicator::joinStreams(device::Stream &stream) {
  auto mover = createMover(&stream);
  FABRIC_RETURN_IF_ERROR(
      agree(mover.ok() ? Status::success() : mover.status()));
  // There collectives are done when they are called.
  if ((*mover)->onHost())
    return std::unique_ptr<JointStreams>();
  return std::unique_ptr<JointStreams>(
      std::make_unique<Joint>(*this, std::move(*mover)));
}

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

Status LocalWorld::open(LocalRendezvous &place, int index,
                        LocalRendezvous::Slot slot, const std::string &axes) {
  return place.open(options.timeout, index, std::move(slot), axes,
                    [&](int rank, const Status &late) { poison(rank, late); });
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
