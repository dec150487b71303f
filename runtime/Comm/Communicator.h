//===- Communicator.h - Collectives over groups of ranks --------*- C++ -*-===//
//
// One interface for every way in which ranks talk: threads of one process
// (LocalCommunicator.h), processes over MPI (MpiCommunicator.h).
//
// Communicator: all ranks. Makes groups, and lets all ranks agree on an error.
// Group:        the ranks of one collective, in the order of their pieces.
//
// A collective is called by every rank of its group, with the same arguments
// but the addresses, in the same order on all ranks: the plan is one total
// order. Pieces are strided blocks of dense row-major tensors, so that callers
// neither pack nor unpack for a dim in the middle.
//
// Reductions run in the order of the group's ranks, and bf16 and f16 are
// accumulated in f32 and rounded once: all communicators give the same bits.
//
// Buffers are the host's, or of the device whose stream a group was made with:
// then a collective is work in that stream, and may return before it is done.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_COMMUNICATOR_H
#define FABRIC_RUNTIME_COMM_COMMUNICATOR_H

#include "runtime/Device/Stream.h"
#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fabric::comm {

using plan::DType;
using Reduction = plan::Collective::Reduction;

std::string_view toString(Reduction reduction);

/// A dense tensor seen as n pieces along one of its dims: the tensor is
/// [outer][n][row] elements, and piece i is [outer][row] of it.
struct Pieces {
  int64_t outer = 1;
  int64_t row = 0;
  /// Elements of one piece.
  int64_t count() const { return outer * row; }
};

/// The pieces of `whole`, a tensor's shape before it is split (or after it is
/// concatenated) along `dim`. Fails where `n` does not divide the dim.
Expected<Pieces> piecesAlong(const plan::Shape &whole, int64_t dim, int64_t n);

class Mover;

/// Who takes part, in the order of their pieces. Holds the calling rank.
struct GroupSpec {
  std::vector<int> ranks;
  std::string axes; ///< Names for errors: "tp", "dp,tp".
  /// On the device, aligned to 256, for collectives that need it; the groups of
  /// a stream may share it. Absent: the communicator allocates its own.
  std::optional<std::span<std::byte>> scratch = std::nullopt;
};

/// What a rank may do with the input of a collective that has returned.
enum class Input {
  Free, ///< Anything.
  Lent, ///< Read it: peers may do so, too, until this rank has come to another
        ///< meeting of at least the group's ranks, which saves one here.
};

/// The ranks of a collective. Used by one thread.
class Group {
public:
  virtual ~Group();
  Group(const Group &) = delete;
  Group &operator=(const Group &) = delete;

  int size() const { return static_cast<int>(spec.ranks.size()); }
  /// Of the calling rank, in the group.
  int index() const { return self; }
  const std::vector<int> &ranks() const { return spec.ranks; }
  const std::string &axes() const { return spec.axes; }

  /// `input` is one piece; `output` all of them, piece i from rank i.
  Status allGather(DType dtype, Pieces pieces, const void *input, void *output,
                   Input after = Input::Free);

  /// `input` has a piece for every rank; `output` is the own piece, reduced
  /// over the group's inputs. Not for bool.
  Status reduceScatter(DType dtype, Reduction reduction, Pieces pieces,
                       const void *input, void *output,
                       Input after = Input::Free);

  /// `count` elements, reduced over the group's inputs. `output` may be
  /// `input`. Not for bool.
  Status allReduce(DType dtype, Reduction reduction, int64_t count,
                   const void *input, void *output);

  /// Piece i of `input`, as `split` cuts it, goes to rank i, which lays it out
  /// as piece (this rank) of its `output`, as `concat` joins them.
  /// split.count() == concat.count().
  Status allToAll(DType dtype, Pieces split, Pieces concat, const void *input,
                  void *output, Input after = Input::Free);

  /// `output` is the own piece of `input`. Needs nobody else.
  Status slice(DType dtype, Pieces pieces, const void *input, void *output);

  /// What follows, here or in the group's stream, comes after what every rank
  /// of the group did before its call.
  Status barrier();

protected:
  Group(GroupSpec spec, int self, std::shared_ptr<Mover> mover);

  /// Moves what the rank itself moves.
  Mover &mover() const { return *moves; }
  const std::shared_ptr<Mover> &sharedMover() const { return moves; }
  /// Of the collective that is being done. Input::Lent asks for nothing.
  Input inputAfter() const { return after; }

  virtual Status doAllGather(DType dtype, Pieces pieces, const void *input,
                             void *output) = 0;
  virtual Status doReduceScatter(DType dtype, Reduction reduction,
                                 Pieces pieces, const void *input,
                                 void *output) = 0;
  virtual Status doAllReduce(DType dtype, Reduction reduction, int64_t count,
                             const void *input, void *output) = 0;
  virtual Status doAllToAll(DType dtype, Pieces split, Pieces concat,
                            const void *input, void *output) = 0;
  virtual Status doBarrier() = 0;

private:
  GroupSpec spec;
  int self;
  std::shared_ptr<Mover> moves;
  Input after = Input::Free;
};

struct CommOptions {
  /// How long a rank waits for the others in one call.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
};

/// The streams of all ranks, one of each, where one device runs them all: what
/// they are given can be captured as one graph. Used by a rank's thread; every
/// rank makes the same calls.
class JointStreams {
public:
  virtual ~JointStreams() = default;
  /// Whether it is this rank's stream that begins a capture, ends it and
  /// launches what it was.
  virtual bool leads() const = 0;
  /// What the others' streams are given from here on runs after what the
  /// leader's has been given.
  virtual Status fanOut() = 0;
  /// The reverse.
  virtual Status fanIn() = 0;
  /// As Communicator::agree().
  virtual Status agree(const Status &status) = 0;
};

/// All ranks of the mesh, seen by one of them. Used by one thread; outlives its
/// groups.
class Communicator {
public:
  virtual ~Communicator() = default;
  Communicator() = default;
  Communicator(const Communicator &) = delete;
  Communicator &operator=(const Communicator &) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// "local", "mpi".
  virtual std::string_view name() const = 0;

  /// Called by all ranks in the same order, each with the group that it is in.
  /// `stream` belongs to the device of the buffers and outlives the group;
  /// null: they are in the host's memory.
  Expected<std::unique_ptr<Group>>
  createGroup(GroupSpec spec, device::Stream *stream = nullptr);

  /// Every rank gives a few bytes and gets everyone's, in rank order.
  virtual Expected<std::vector<std::string>>
  exchange(const std::string &bytes) = 0;

  /// What it can do beyond collectives.
  virtual plan::CommFeatures features() const { return {}; }

  /// Every rank gives some of its memory and gets everyone's, in rank order;
  /// fails where features() has no shared memory. The memory is there as long
  /// as anybody holds it: a rank that fails leaves while others still read.
  virtual Expected<std::vector<std::shared_ptr<const std::byte>>>
  shareMemory(const std::shared_ptr<const std::byte> &mine);

  /// Called by all ranks: success if all succeeded, else on every rank the
  /// message of the lowest rank that failed. Nobody continues past a failure.
  Status agree(const Status &status);

  /// Whether the last agree() ended in a failure that every rank knows. After
  /// any other failure this rank is alone with it and has to abort().
  bool agreedOnFailure() const { return agreed; }

  /// Whether a stream's collectives can be captured: on every rank by itself,
  /// and run again without a call here.
  virtual bool capturable() const { return false; }

  /// This rank's `stream`, which outlives it, with those of the other ranks.
  /// Null where they are not of one device. Called by all ranks.
  virtual Expected<std::unique_ptr<JointStreams>>
  joinStreams(device::Stream &) {
    return std::unique_ptr<JointStreams>();
  }

  /// What another rank has failed with, where this one can know.
  virtual std::optional<Status> failure() const { return std::nullopt; }

  /// Returns when the work in `stream`, collectives among it, is done, or
  /// cannot be any more.
  virtual Status waitFor(device::Stream &stream) {
    return stream.synchronize();
  }

  /// Ends this rank's collectives that are under way in streams, so that their
  /// buffers can go. Called where one has failed; none works afterwards.
  virtual void stop() {}

  /// Called by a rank that fails where the others do not wait in agree(): ends
  /// their waits with an error. Over MPI this ends the process.
  virtual void abort(const Status &why) = 0;

  /// Bytes that the communicator itself holds for data on this rank, beside
  /// the plan's arenas. Does not grow after the first step.
  virtual int64_t scratchBytes() const = 0;

protected:
  virtual Expected<std::unique_ptr<Group>>
  doCreateGroup(GroupSpec spec, int self, std::shared_ptr<Mover> mover,
                device::Stream *stream) = 0;

private:
  bool agreed = false;
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_COMMUNICATOR_H
