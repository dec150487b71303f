//===- NcclCommunicator.cpp - A GPU a rank, over NCCL ---------------------===//
//
// Pieces that are not dense are packed and unpacked by the rank's Mover, in
// chunks through a fixed scratch buffer. A reduction is an exchange of pieces
// and a sum in the group's order: as much traffic as a ring, and bits that do
// not depend on how NCCL sees the machine.
//
// Collectives are given to streams in the plan's order, which is the same on
// all ranks, those of a group to one stream: no two communicators can wait for
// each other.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/NcclCommunicator.h"
#include "runtime/Comm/Mover.h"
#include "runtime/Comm/NcclConnection.h"
#include "runtime/Plan/Scratch.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

namespace fabric::comm {
namespace {

using plan::chunkStep;

/// What is sent and what is received, all ranks' chunks at once. Groups whose
/// collectives are in one stream take turns with it.
struct Scratch {
  std::byte *send = nullptr, *receive = nullptr;
  int64_t bytes = 0;                   ///< Of each.
  std::unique_ptr<device::Memory> own; ///< Where nobody gave any.

  static Scratch halve(std::span<std::byte> memory) {
    int64_t half = std::ssize(memory) / 2 / plan::scratchAlignment *
                   plan::scratchAlignment;
    return {memory.data(), memory.data() + half, half, nullptr};
  }
};

const std::byte *at(const void *base, int64_t offset) {
  return static_cast<const std::byte *>(base) + offset;
}
std::byte *at(void *base, int64_t offset) {
  return static_cast<std::byte *>(base) + offset;
}

/// A block without gaps.
Rows dense(int64_t bytes) { return {1, bytes, 0}; }

//===----------------------------------------------------------------------===//
// NcclGroup
//===----------------------------------------------------------------------===//

class NcclGroup final : public Group {
public:
  NcclGroup(GroupSpec spec, int self, std::shared_ptr<Mover> mover,
            std::shared_ptr<NcclConnection> connection,
            std::shared_ptr<const Scratch> scratch, device::Stream &stream)
      : Group(std::move(spec), self, std::move(mover)),
        connection(std::move(connection)), scratch(std::move(scratch)),
        stream(static_cast<cudaStream_t>(stream.native())), transfers(size()),
        sources(size()) {}

protected:
  Status doAllGather(DType dtype, Pieces pieces, const void *input,
                     void *output) override {
    int64_t width = plan::byteWidth(dtype), total = pieces.count() * width;
    if (size() == 1)
      return copyAlone(total, input, output);
    if (total == 0)
      return Status::success();
    return named("all_gather", [&]() -> Status {
      if (pieces.outer == 1)
        return connection->allGather(input, output, total, stream);
      return inChunks(total, [&](int64_t done, int64_t bytes) -> Status {
        FABRIC_RETURN_IF_ERROR(connection->allGather(
            at(input, done), scratch->receive, bytes, stream));
        return unpack(bytes, output, pieces, width, done);
      });
    });
  }

  Status doReduceScatter(DType dtype, Reduction reduction, Pieces pieces,
                         const void *input, void *output) override {
    int64_t width = plan::byteWidth(dtype), total = pieces.count() * width;
    if (size() == 1)
      return copyAlone(total, input, output);
    return named("reduce_scatter", [&]() -> Status {
      return inChunks(total, [&](int64_t done, int64_t bytes) -> Status {
        FABRIC_RETURN_IF_ERROR(pack(bytes, input, pieces, width, done));
        FABRIC_RETURN_IF_ERROR(exchangeScratch(bytes));
        return reduceReceived(dtype, reduction, bytes, at(output, done));
      });
    });
  }

  Status doAllReduce(DType dtype, Reduction reduction, int64_t count,
                     const void *input, void *output) override {
    int64_t width = plan::byteWidth(dtype);
    if (size() == 1)
      return copyAlone(count * width, input, output);
    return named("all_reduce", [&]() -> Status {
      FABRIC_RETURN_IF_ERROR(checkScratch());
      // Whole multiples of the group: the largest share times it fits.
      int64_t chunk = scratch->bytes / (size() * width) * size();
      for (int64_t done = 0; done < count; done += chunk)
        FABRIC_RETURN_IF_ERROR(
            allReduceChunk(dtype, reduction, std::min(chunk, count - done),
                           at(input, done * width), at(output, done * width)));
      return Status::success();
    });
  }

  Status doAllToAll(DType dtype, Pieces split, Pieces concat, const void *input,
                    void *output) override {
    int64_t width = plan::byteWidth(dtype), total = split.count() * width;
    if (size() == 1)
      return copyAlone(total, input, output);
    return named("all_to_all", [&]() -> Status {
      return inChunks(total, [&](int64_t done, int64_t bytes) -> Status {
        FABRIC_RETURN_IF_ERROR(pack(bytes, input, split, width, done));
        FABRIC_RETURN_IF_ERROR(exchangeScratch(bytes));
        return unpack(bytes, output, concat, width, done);
      });
    });
  }

  /// Something from everyone: a stream comes past it after all have given it.
  Status doBarrier() override {
    if (size() == 1)
      return Status::success();
    return named("barrier", [&]() -> Status {
      FABRIC_RETURN_IF_ERROR(checkScratch());
      return exchangeScratch(chunkStep);
    });
  }

private:
  /// Adds the operation, the axes and the rank to a failure.
  template <typename Work> Status named(const char *op, Work work) {
    Status status = work();
    if (status.ok())
      return status;
    return Status::error(op, " over ", axes(), " on rank ", ranks()[index()],
                         ": ", status.message());
  }

  Status copyAlone(int64_t bytes, const void *input, void *output) {
    if (input == output)
      return Status::success();
    return mover().copyRows(at(input, 0), dense(bytes), at(output, 0),
                            dense(bytes));
  }

  /// Room for the smallest chunk of every rank, or nothing would move.
  Status checkScratch() const {
    if (scratch->bytes >= size() * chunkStep)
      return Status::success();
    return Status::error("needs ", size() * chunkStep,
                         " bytes to send from and as many to receive in, and "
                         "has ",
                         scratch->bytes);
  }

  /// So many bytes of every rank's piece at a time that all fit into a half of
  /// the scratch.
  template <typename Work> Status inChunks(int64_t total, Work work) {
    FABRIC_RETURN_IF_ERROR(checkScratch());
    int64_t chunk = scratch->bytes / size() / chunkStep * chunkStep;
    for (int64_t done = 0; done < total; done += chunk)
      FABRIC_RETURN_IF_ERROR(work(done, std::min(chunk, total - done)));
    return Status::success();
  }

  /// Bytes [done, done + bytes) of every piece of a tensor, one after the other
  /// into the send buffer.
  Status pack(int64_t bytes, const void *tensor, Pieces pieces, int64_t width,
              int64_t done) {
    for (int peer = 0; peer < size(); ++peer)
      FABRIC_RETURN_IF_ERROR(mover().copyPart(
          at(tensor, pieceOffset(pieces, peer, width)),
          rowsOf(pieces, size(), width), done, scratch->send + peer * bytes,
          dense(bytes), 0, bytes));
    return Status::success();
  }

  /// The reverse, out of the receive buffer.
  Status unpack(int64_t bytes, void *tensor, Pieces pieces, int64_t width,
                int64_t done) {
    for (int peer = 0; peer < size(); ++peer)
      FABRIC_RETURN_IF_ERROR(
          mover().copyPart(scratch->receive + peer * bytes, dense(bytes), 0,
                           at(tensor, pieceOffset(pieces, peer, width)),
                           rowsOf(pieces, size(), width), done, bytes));
    return Status::success();
  }

  /// `bytes` for each rank, from the send to the receive buffers.
  Status exchangeScratch(int64_t bytes) {
    for (int peer = 0; peer < size(); ++peer)
      transfers[peer] = {scratch->send + peer * bytes, bytes,
                         scratch->receive + peer * bytes, bytes};
    return connection->exchange(transfers, stream);
  }

  Status reduceReceived(DType dtype, Reduction reduction, int64_t bytes,
                        std::byte *output) {
    for (int peer = 0; peer < size(); ++peer)
      sources[peer] = scratch->receive + peer * bytes;
    return mover().reduceRows(dtype, reduction, sources, dense(bytes), output);
  }

  /// Each rank reduces a share, then gets the others'. In place is fine: what
  /// is sent has left before the stream comes to what overwrites it.
  Status allReduceChunk(DType dtype, Reduction reduction, int64_t count,
                        const std::byte *input, std::byte *output) {
    int64_t width = plan::byteWidth(dtype);
    auto begin = [&](int rank) { return count * rank / size() * width; };
    auto bytesOf = [&](int rank) { return begin(rank + 1) - begin(rank); };
    int64_t mine = bytesOf(index());
    for (int peer = 0; peer < size(); ++peer)
      transfers[peer] = {input + begin(peer), bytesOf(peer),
                         scratch->receive + peer * mine, mine};
    FABRIC_RETURN_IF_ERROR(connection->exchange(transfers, stream));
    std::byte *share = output + begin(index());
    FABRIC_RETURN_IF_ERROR(reduceReceived(dtype, reduction, mine, share));
    for (int peer = 0; peer < size(); ++peer)
      transfers[peer] = {share, mine, output + begin(peer), bytesOf(peer)};
    transfers[index()] = {};
    return connection->exchange(transfers, stream);
  }

  std::shared_ptr<NcclConnection> connection; ///< Null for a group of one.
  std::shared_ptr<const Scratch> scratch;
  cudaStream_t stream;
  // Arguments of the calls, kept so that a step allocates nothing of ours.
  std::vector<NcclConnection::Transfer> transfers;
  std::vector<const std::byte *> sources;
};

//===----------------------------------------------------------------------===//
// NcclCommunicator
//===----------------------------------------------------------------------===//

class NcclCommunicator final : public Communicator {
public:
  NcclCommunicator(Communicator &control, device::Device &device,
                   std::shared_ptr<const Nccl> nccl, CommOptions options)
      : control(control), device(device), nccl(std::move(nccl)),
        patience(control, options.timeout) {}

  int rank() const override { return control.rank(); }
  int size() const override { return control.size(); }
  std::string_view name() const override { return "nccl"; }
  bool capturable() const override { return true; }

  Expected<std::vector<std::string>>
  exchange(const std::string &bytes) override {
    return control.exchange(bytes);
  }

  std::optional<Status> failure() const override { return control.failure(); }

  void abort(const Status &why) override {
    stop();
    control.abort(why);
  }

  void stop() override {
    for (const auto &[ranks, connection] : connections)
      connection->abort();
  }

  /// Unlike the stream's own wait, ends where a rank has failed.
  Status waitFor(device::Stream &stream) override {
    auto start = std::chrono::steady_clock::now();
    for (;;) {
      FABRIC_ASSIGN_OR_RETURN(bool done, stream.done());
      if (done)
        return Status::success();
      Status status = Status::success();
      for (const auto &[ranks, connection] : connections)
        if (status.ok())
          status = connection->poll();
      if (status.ok())
        status = patience.pause(start);
      if (status.failed())
        return status;
    }
  }

  int64_t scratchBytes() const override {
    int64_t bytes = 0;
    for (const auto &[stream, scratch] : scratches)
      bytes += scratch->own->bytes();
    return bytes;
  }

protected:
  Expected<std::unique_ptr<Group>>
  doCreateGroup(GroupSpec spec, int index, std::shared_ptr<Mover> mover,
                device::Stream *stream) override {
    if (mover->onHost())
      return Status::error("NCCL moves what is in the memory of GPUs only");
    // All ranks come here, so that one exchange serves all groups.
    FABRIC_ASSIGN_OR_RETURN(ncclUniqueId id, shareId(spec, index));
    std::shared_ptr<NcclConnection> connection;
    if (spec.ranks.size() > 1) {
      std::shared_ptr<NcclConnection> &known = connections[spec.ranks];
      if (!known) {
        known = std::make_shared<NcclConnection>(nccl, patience);
        FABRIC_RETURN_IF_ERROR(
            known->connect(id, static_cast<int>(spec.ranks.size()), index)
                .in("connecting the ranks over " + spec.axes));
      }
      connection = known;
    }
    FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<const Scratch> scratch,
                            scratchOf(spec, *stream));
    return std::unique_ptr<Group>(std::make_unique<NcclGroup>(
        std::move(spec), index, std::move(mover), std::move(connection),
        std::move(scratch), *stream));
  }

private:
  /// The identifier that the first rank of the group has made.
  Expected<ncclUniqueId> shareId(const GroupSpec &spec, int index) {
    ncclUniqueId id = {};
    std::string mine;
    if (index == 0) {
      FABRIC_RETURN_IF_ERROR(
          nccl->check(nccl->ncclGetUniqueId(&id), "ncclGetUniqueId", nullptr));
      mine.assign(id.internal, sizeof(id.internal));
    }
    FABRIC_ASSIGN_OR_RETURN(std::vector<std::string> all,
                            control.exchange(mine));
    const std::string &first = all[spec.ranks[0]];
    if (first.size() != sizeof(id.internal))
      return Status::error("rank ", spec.ranks[0],
                           " does not make the group over ", spec.axes);
    std::memcpy(id.internal, first.data(), first.size());
    return id;
  }

  Expected<std::shared_ptr<const Scratch>> scratchOf(const GroupSpec &spec,
                                                     device::Stream &stream) {
    if (spec.scratch)
      return std::make_shared<const Scratch>(Scratch::halve(*spec.scratch));
    std::shared_ptr<const Scratch> &scratch = scratches[stream.native()];
    if (!scratch) {
      // As much as any collective could use.
      int64_t bytes =
          plan::collectiveScratch(std::numeric_limits<int64_t>::max(), size());
      auto memory = device.allocate(bytes, plan::scratchAlignment);
      if (memory.failed())
        return memory.status().in("scratch of NCCL");
      Scratch made =
          Scratch::halve({(*memory)->data(), static_cast<size_t>(bytes)});
      made.own = std::move(*memory);
      scratch = std::make_shared<const Scratch>(std::move(made));
    }
    return scratch;
  }

  Communicator &control;
  device::Device &device;
  std::shared_ptr<const Nccl> nccl;
  Patience patience;
  std::map<void *, std::shared_ptr<const Scratch>> scratches; ///< By stream.
  std::map<std::vector<int>, std::shared_ptr<NcclConnection>> connections;
};

} // namespace

Expected<std::unique_ptr<Communicator>>
createNcclCommunicator(Communicator &control, device::Device &device,
                       CommOptions options) {
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<const Nccl> nccl, Nccl::load());
  return std::unique_ptr<Communicator>(std::make_unique<NcclCommunicator>(
      control, device, std::move(nccl), options));
}

} // namespace fabric::comm
