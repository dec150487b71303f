//===- MpiCommunicator.cpp - Ranks as processes over MPI ------------------===//
//
// Every collective is a non-blocking one and a wait that gives up its core
// while it polls and that ends at the timeout.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/MpiCommunicator.h"
#include "runtime/Comm/Mover.h"
#include "runtime/Comm/Reduce.h"
#include "runtime/Support/UniqueHandle.h"

#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <thread>

namespace fabric::comm {
namespace {

struct CommTraits {
  using Handle = MPI_Comm;
  static Handle null() { return MPI_COMM_NULL; }
  static void close(Handle comm) { MPI_Comm_free(&comm); }
};
struct GroupTraits {
  using Handle = MPI_Group;
  static Handle null() { return MPI_GROUP_NULL; }
  static void close(Handle group) { MPI_Group_free(&group); }
};
struct TypeTraits {
  using Handle = MPI_Datatype;
  static Handle null() { return MPI_DATATYPE_NULL; }
  static void close(Handle type) { MPI_Type_free(&type); }
};
using UniqueComm = UniqueHandle<CommTraits>;
using UniqueGroup = UniqueHandle<GroupTraits>;
using UniqueType = UniqueHandle<TypeTraits>;

/// Each reduction sends and receives at most this much at a time.
constexpr int64_t chunkBytes = 1 << 20;
/// Up to this size, every rank gathers all inputs and reduces all of them.
constexpr int64_t smallBytes = 16 << 10;

Status check(int code, const char *call) {
  if (code == MPI_SUCCESS)
    return Status::success();
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return Status::error(call, ": ", std::string(text, length));
}

/// The unsigned integer as wide as an element: moves do not look inside.
MPI_Datatype moveType(int64_t width) {
  switch (width) {
  case 1:
    return MPI_UINT8_T;
  case 2:
    return MPI_UINT16_T;
  case 4:
    return MPI_UINT32_T;
  default:
    return MPI_UINT64_T;
  }
}

Expected<int> toInt(int64_t value, const char *what) {
  if (value < 0 || value > std::numeric_limits<int>::max())
    return Status::error(what, " of ", value, " is more than MPI can count");
  return static_cast<int>(value);
}

/// One piece in its tensor; consecutive elements of this type are consecutive
/// pieces.
Expected<UniqueType> pieceType(Pieces pieces, int64_t n, int64_t width) {
  FABRIC_ASSIGN_OR_RETURN(int outer, toInt(pieces.outer, "a row count"));
  FABRIC_ASSIGN_OR_RETURN(int row, toInt(pieces.row, "a row"));
  FABRIC_ASSIGN_OR_RETURN(int stride, toInt(n * pieces.row, "a stride"));
  MPI_Datatype raw = MPI_DATATYPE_NULL;
  FABRIC_RETURN_IF_ERROR(
      check(MPI_Type_vector(outer, row, stride, moveType(width), &raw),
            "MPI_Type_vector"));
  UniqueType vector(raw);
  FABRIC_RETURN_IF_ERROR(
      check(MPI_Type_create_resized(vector.get(), 0, pieces.row * width, &raw),
            "MPI_Type_create_resized"));
  UniqueType resized(raw);
  FABRIC_RETURN_IF_ERROR(check(MPI_Type_commit(&raw), "MPI_Type_commit"));
  return resized;
}

/// Waits without keeping the core from the ranks that are waited for. After a
/// failure the request may still write to its buffers: the rank has to abort.
Status wait(MPI_Request request, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  for (;;) {
    int done = 0;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test"));
    if (done)
      return Status::success();
    auto waited = Clock::now() - start;
    if (waited > timeout)
      return Status::error("the other ranks did not come within ",
                           std::chrono::duration<double>(timeout).count(),
                           " s");
    if (waited < std::chrono::milliseconds(2))
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

/// Buffers of the reductions, shared by all groups of the rank.
struct Scratch {
  std::vector<std::byte> send = std::vector<std::byte>(chunkBytes);
  std::vector<std::byte> receive = std::vector<std::byte>(chunkBytes);
};

//===----------------------------------------------------------------------===//
// MpiGroup
//===----------------------------------------------------------------------===//

class MpiGroup final : public Group {
public:
  MpiGroup(GroupSpec spec, int self, std::shared_ptr<const UniqueComm> comm,
           std::shared_ptr<Scratch> scratch, std::chrono::milliseconds timeout,
           std::shared_ptr<Mover> mover)
      : Group(std::move(spec), self, std::move(mover)), comm(std::move(comm)),
        scratch(std::move(scratch)), timeout(timeout), sources(size()),
        counts(size()), offsets(size()), ownCounts(size()), ownOffsets(size()) {
  }

protected:
  Status doAllGather(DType dtype, Pieces pieces, const void *input,
                     void *output) override {
    if (size() == 1)
      return copyAlone(dtype, pieces.count(), input, output);
    return named("all_gather", [&]() -> Status {
      int64_t width = plan::byteWidth(dtype);
      if (pieces.count() == 0)
        return Status::success();
      FABRIC_ASSIGN_OR_RETURN(int count, toInt(pieces.count(), "a piece"));
      FABRIC_ASSIGN_OR_RETURN(UniqueType type,
                              pieceType(pieces, size(), width));
      MPI_Request request;
      FABRIC_RETURN_IF_ERROR(
          check(MPI_Iallgather(input, count, moveType(width), output, 1,
                               type.get(), comm->get(), &request),
                "MPI_Iallgather"));
      return wait(request, timeout);
    });
  }

  Status doReduceScatter(DType dtype, Reduction reduction, Pieces pieces,
                         const void *input, void *output) override {
    if (size() == 1)
      return copyAlone(dtype, pieces.count(), input, output);
    return named("reduce_scatter", [&]() -> Status {
      int64_t width = plan::byteWidth(dtype), n = size();
      ReduceFn reduce = reduceFunction(dtype, reduction);
      Rows spread = rowsOf(pieces, n, width);
      int64_t chunk = chunkBytes / (n * width) * width;
      if (chunk == 0)
        return tooManyRanks();
      int64_t total = pieces.count() * width;
      for (int64_t done = 0; done < total; done += chunk) {
        int64_t bytes = std::min(chunk, total - done);
        for (int peer = 0; peer < n; ++peer)
          copyPart(at(input, pieceOffset(pieces, peer, width)), spread, done,
                   scratch->send.data() + peer * bytes, Rows{1, bytes, 0}, 0,
                   bytes);
        MPI_Request request;
        FABRIC_RETURN_IF_ERROR(
            check(MPI_Ialltoall(scratch->send.data(), static_cast<int>(bytes),
                                MPI_BYTE, scratch->receive.data(),
                                static_cast<int>(bytes), MPI_BYTE, comm->get(),
                                &request),
                  "MPI_Ialltoall"));
        FABRIC_RETURN_IF_ERROR(wait(request, timeout));
        reduceReceived(reduce, bytes, bytes / width, at(output, done));
      }
      return Status::success();
    });
  }

  Status doAllReduce(DType dtype, Reduction reduction, int64_t count,
                     const void *input, void *output) override {
    if (size() == 1)
      return copyAlone(dtype, count, input, output);
    return named("all_reduce", [&]() -> Status {
      int64_t width = plan::byteWidth(dtype), n = size();
      ReduceFn reduce = reduceFunction(dtype, reduction);
      int64_t total = count * width;
      if (total <= smallBytes && n * total <= chunkBytes)
        return allReduceSmall(reduce, count, total, input, output);
      // A chunk at a time: everyone reduces a share of it, then gathers the
      // other shares. Whole multiples of n: the largest share times n fits.
      int64_t chunk = chunkBytes / (n * width) * n;
      if (chunk == 0)
        return tooManyRanks();
      for (int64_t done = 0; done < count; done += chunk)
        FABRIC_RETURN_IF_ERROR(
            allReduceChunk(reduce, width, std::min(chunk, count - done),
                           at(input, done * width), at(output, done * width)));
      return Status::success();
    });
  }

  Status doAllToAll(DType dtype, Pieces split, Pieces concat, const void *input,
                    void *output) override {
    if (size() == 1)
      return copyAlone(dtype, split.count(), input, output);
    return named("all_to_all", [&]() -> Status {
      int64_t width = plan::byteWidth(dtype);
      if (split.count() == 0)
        return Status::success();
      FABRIC_ASSIGN_OR_RETURN(UniqueType sent, pieceType(split, size(), width));
      FABRIC_ASSIGN_OR_RETURN(UniqueType received,
                              pieceType(concat, size(), width));
      MPI_Request request;
      FABRIC_RETURN_IF_ERROR(
          check(MPI_Ialltoall(input, 1, sent.get(), output, 1, received.get(),
                              comm->get(), &request),
                "MPI_Ialltoall"));
      return wait(request, timeout);
    });
  }

  Status doBarrier() override {
    return named("barrier", [&]() -> Status {
      MPI_Request request;
      FABRIC_RETURN_IF_ERROR(
          check(MPI_Ibarrier(comm->get(), &request), "MPI_Ibarrier"));
      return wait(request, timeout);
    });
  }

private:
  static const std::byte *at(const void *base, int64_t offset) {
    return static_cast<const std::byte *>(base) + offset;
  }
  static std::byte *at(void *base, int64_t offset) {
    return static_cast<std::byte *>(base) + offset;
  }

  /// Adds the operation, the axes and the rank to a failure.
  template <typename Work> Status named(const char *op, Work work) {
    Status status = work();
    if (status.ok())
      return status;
    return Status::error(op, " over ", axes(), " on rank ", ranks()[index()],
                         ": ", status.message());
  }

  Status copyAlone(DType dtype, int64_t count, const void *input,
                   void *output) {
    if (input != output && count > 0)
      std::memcpy(output, input, count * plan::byteWidth(dtype));
    return Status::success();
  }

  Status tooManyRanks() const {
    return Status::error("a group of ", size(),
                         " ranks is too large for the scratch buffer");
  }

  /// Reduces what lies in the receive buffer, a block of `stride` bytes a rank.
  void reduceReceived(ReduceFn reduce, int64_t stride, int64_t count,
                      std::byte *output) {
    for (int peer = 0; peer < size(); ++peer)
      sources[peer] = scratch->receive.data() + peer * stride;
    reduce(sources.data(), size(), count, output);
  }

  Status allReduceSmall(ReduceFn reduce, int64_t count, int64_t bytes,
                        const void *input, void *output) {
    MPI_Request request;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Iallgather(input, static_cast<int>(bytes), MPI_BYTE,
                             scratch->receive.data(), static_cast<int>(bytes),
                             MPI_BYTE, comm->get(), &request),
              "MPI_Iallgather"));
    FABRIC_RETURN_IF_ERROR(wait(request, timeout));
    reduceReceived(reduce, bytes, count, at(output, 0));
    return Status::success();
  }

  Status allReduceChunk(ReduceFn reduce, int64_t width, int64_t count,
                        const std::byte *input, std::byte *output) {
    int64_t n = size();
    auto begin = [&](int64_t rank) { return count * rank / n * width; };
    int mine = static_cast<int>(begin(index() + 1) - begin(index()));
    for (int64_t peer = 0; peer < n; ++peer) {
      counts[peer] = static_cast<int>(begin(peer + 1) - begin(peer));
      offsets[peer] = static_cast<int>(begin(peer));
      ownCounts[peer] = mine;
      ownOffsets[peer] = static_cast<int>(peer * mine);
    }
    MPI_Request request;
    FABRIC_RETURN_IF_ERROR(check(
        MPI_Ialltoallv(input, counts.data(), offsets.data(), MPI_BYTE,
                       scratch->receive.data(), ownCounts.data(),
                       ownOffsets.data(), MPI_BYTE, comm->get(), &request),
        "MPI_Ialltoallv"));
    FABRIC_RETURN_IF_ERROR(wait(request, timeout));
    reduceReceived(reduce, mine, mine / width, output + offsets[index()]);
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, output,
                              counts.data(), offsets.data(), MPI_BYTE,
                              comm->get(), &request),
              "MPI_Iallgatherv"));
    return wait(request, timeout);
  }

  std::shared_ptr<const UniqueComm> comm;
  std::shared_ptr<Scratch> scratch;
  std::chrono::milliseconds timeout;
  // Arguments of the calls, kept so that a step allocates nothing of ours.
  std::vector<const std::byte *> sources;
  std::vector<int> counts, offsets, ownCounts, ownOffsets;
};

//===----------------------------------------------------------------------===//
// MpiCommunicator
//===----------------------------------------------------------------------===//

/// The one place that initialises and finalises MPI.
class MpiLibrary {
public:
  MpiLibrary() = default;
  MpiLibrary(const MpiLibrary &) = delete;
  MpiLibrary &operator=(const MpiLibrary &) = delete;
  ~MpiLibrary() {
    if (initialized)
      MPI_Finalize();
  }
  Status initialize() {
    int before = 0;
    FABRIC_RETURN_IF_ERROR(check(MPI_Initialized(&before), "MPI_Initialized"));
    if (before)
      return Status::error("MPI has been initialised before");
    int provided = MPI_THREAD_SINGLE;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
              "MPI_Init_thread"));
    initialized = true;
    return check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN),
                 "MPI_Comm_set_errhandler");
  }

private:
  bool initialized = false;
};

class MpiCommunicator final : public Communicator {
public:
  explicit MpiCommunicator(CommOptions options) : options(options) {}

  Status initialize() {
    FABRIC_RETURN_IF_ERROR(library.initialize());
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Comm_rank(MPI_COMM_WORLD, &self), "MPI_Comm_rank"));
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Comm_size(MPI_COMM_WORLD, &numRanks), "MPI_Comm_size"));
    scratch = std::make_shared<Scratch>();
    return Status::success();
  }

  int rank() const override { return self; }
  int size() const override { return numRanks; }
  std::string_view name() const override { return "mpi"; }

  Expected<std::vector<std::string>>
  exchange(const std::string &bytes) override {
    FABRIC_ASSIGN_OR_RETURN(int mine, toInt(bytes.size(), "a message"));
    std::vector<int> lengths(numRanks), offsets(numRanks);
    MPI_Request request;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Iallgather(&mine, 1, MPI_INT, lengths.data(), 1, MPI_INT,
                             MPI_COMM_WORLD, &request),
              "MPI_Iallgather"));
    FABRIC_RETURN_IF_ERROR(
        wait(request, options.timeout).in("exchange over all axes"));
    for (int peer = 1; peer < numRanks; ++peer)
      offsets[peer] = offsets[peer - 1] + lengths[peer - 1];
    std::string all(offsets.back() + lengths.back(), '\0');
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Iallgatherv(bytes.data(), mine, MPI_BYTE, all.data(),
                              lengths.data(), offsets.data(), MPI_BYTE,
                              MPI_COMM_WORLD, &request),
              "MPI_Iallgatherv"));
    FABRIC_RETURN_IF_ERROR(
        wait(request, options.timeout).in("exchange over all axes"));
    std::vector<std::string> result;
    for (int peer = 0; peer < numRanks; ++peer)
      result.push_back(all.substr(offsets[peer], lengths[peer]));
    return result;
  }

  void abort(const Status &) override { MPI_Abort(MPI_COMM_WORLD, 1); }

  int64_t scratchBytes() const override { return 2 * chunkBytes; }

protected:
  Expected<std::unique_ptr<Group>> doCreateGroup(GroupSpec spec, int index,
                                                 std::shared_ptr<Mover> mover,
                                                 device::Stream *) override {
    if (!mover->onHost())
      return Status::error("MPI moves what is in the host's memory, and the "
                           "plan is for a GPU: run with --comm=nccl");
    std::shared_ptr<const UniqueComm> &comm = comms[spec.ranks];
    if (!comm) {
      FABRIC_ASSIGN_OR_RETURN(UniqueComm created, createComm(spec.ranks));
      comm = std::make_shared<const UniqueComm>(std::move(created));
    }
    return std::unique_ptr<Group>(
        std::make_unique<MpiGroup>(std::move(spec), index, comm, scratch,
                                   options.timeout, std::move(mover)));
  }

private:
  Expected<UniqueComm> createComm(const std::vector<int> &ranks) {
    MPI_Group raw = MPI_GROUP_NULL;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Comm_group(MPI_COMM_WORLD, &raw), "MPI_Comm_group"));
    UniqueGroup world(raw);
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Group_incl(world.get(), static_cast<int>(ranks.size()),
                             ranks.data(), &raw),
              "MPI_Group_incl"));
    UniqueGroup members(raw);
    MPI_Comm comm = MPI_COMM_NULL;
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Comm_create_group(MPI_COMM_WORLD, members.get(), 0, &comm),
              "MPI_Comm_create_group"));
    UniqueComm owned(comm);
    FABRIC_RETURN_IF_ERROR(
        check(MPI_Comm_set_errhandler(owned.get(), MPI_ERRORS_RETURN),
              "MPI_Comm_set_errhandler"));
    return owned;
  }

  MpiLibrary library; ///< First: finalised after all else is gone.
  CommOptions options;
  int self = 0, numRanks = 1;
  std::shared_ptr<Scratch> scratch;
  std::map<std::vector<int>, std::shared_ptr<const UniqueComm>> comms;
};

} // namespace

bool hasMpi() { return true; }

Expected<std::unique_ptr<Communicator>>
createMpiCommunicator(CommOptions options) {
  auto communicator = std::make_unique<MpiCommunicator>(options);
  FABRIC_RETURN_IF_ERROR(communicator->initialize());
  return std::unique_ptr<Communicator>(std::move(communicator));
}

} // namespace fabric::comm
