//===- NcclConnection.h - NCCL, wrapped ------------------------*- C++ -*-===//
//
// The library, which is found when it is needed, and one of its communicators.
// All calls are non-blocking: what does not end in time, or ends in an error on
// whatever rank, ends here with a Status.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_NCCLCONNECTION_H
#define FABRIC_RUNTIME_COMM_NCCLCONNECTION_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Support/SharedLibrary.h"

#include <nccl.h>

namespace fabric::comm {

/// The functions of the library that are used here.
class Nccl {
public:
  static Expected<std::shared_ptr<const Nccl>> load();

  /// The one converter. `comm` may be null.
  Status check(ncclResult_t code, const char *call, ncclComm_t comm) const;

#define FABRIC_NCCL_FUNCTIONS(X)                                               \
  X(ncclAllGather)                                                             \
  X(ncclCommAbort)                                                             \
  X(ncclCommGetAsyncError)                                                     \
  X(ncclCommInitRankConfig)                                                    \
  X(ncclGetErrorString)                                                        \
  X(ncclGetLastError)                                                          \
  X(ncclGetUniqueId)                                                           \
  X(ncclGroupEnd)                                                              \
  X(ncclGroupStart)                                                            \
  X(ncclRecv)                                                                  \
  X(ncclSend)
#define FABRIC_DECLARE(name) decltype(&::name) name = nullptr;
  FABRIC_NCCL_FUNCTIONS(FABRIC_DECLARE)
#undef FABRIC_DECLARE

private:
  SharedLibrary library;
};

/// How long a rank waits, and what ends the wait early.
class Patience {
public:
  Patience(const Communicator &control, std::chrono::milliseconds timeout)
      : control(control), timeout(timeout) {}

  /// Gives up the core for a while. Fails when the time since `start` is over,
  /// or another rank has failed.
  Status pause(std::chrono::steady_clock::time_point start) const;

private:
  const Communicator &control;
  std::chrono::milliseconds timeout;
};

/// One communicator of NCCL. Used by one thread.
class NcclConnection {
public:
  NcclConnection(std::shared_ptr<const Nccl> nccl, Patience patience)
      : nccl(std::move(nccl)), patience(patience) {}
  /// Waits for nobody: ranks have agreed that they are done, or one has failed.
  ~NcclConnection() { abort(); }
  NcclConnection(const NcclConnection &) = delete;
  NcclConnection &operator=(const NcclConnection &) = delete;

  /// Called by all ranks of the group, on their devices.
  Status connect(const ncclUniqueId &id, int size, int index);

  /// Gives the collective to `stream`.
  Status allGather(const void *input, void *output, int64_t bytes,
                   cudaStream_t stream);

  /// What one rank sends to and receives from another.
  struct Transfer {
    const void *sent = nullptr;
    int64_t sentBytes = 0;
    void *received = nullptr;
    int64_t receivedBytes = 0;
  };
  /// `transfers` by the peer's index in the group. What a rank sends to another
  /// has as many bytes as that one receives from it.
  Status exchange(const std::vector<Transfer> &transfers, cudaStream_t stream);

  /// Fails when what was given to a stream has failed, here or elsewhere.
  Status poll() const;

  /// Ends everything that is under way. Nothing works afterwards.
  void abort();

private:
  /// Waits until the last call has been taken.
  Status settle(const char *call) const;
  Status call(ncclResult_t code, const char *name) const;

  std::shared_ptr<const Nccl> nccl;
  Patience patience;
  ncclComm_t comm = nullptr;
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_NCCLCONNECTION_H
