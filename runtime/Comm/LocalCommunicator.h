//===- LocalCommunicator.h - Ranks as threads of one process ----*- C++ -*-===//
//
// Peers read each other's buffers directly: publish addresses, meet, copy or
// reduce, meet again. Waits give up the core and then block, since more ranks
// than cores is the normal case: see LocalRendezvous.h.
//
// A rank that fails poisons the world: every wait of every other rank ends with
// an error that names the operation, the axes and the rank at fault. A rank
// that is still reading is always waited for, so buffers are never freed under
// it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_LOCALCOMMUNICATOR_H
#define FABRIC_RUNTIME_COMM_LOCALCOMMUNICATOR_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Comm/LocalRendezvous.h"

#include <map>
#include <mutex>
#include <optional>

namespace fabric::comm {

/// What the ranks of one process share. Thread safe.
class LocalWorld : public std::enable_shared_from_this<LocalWorld> {
public:
  static std::shared_ptr<LocalWorld> create(int size, CommOptions options = {});
  ~LocalWorld();

  int size() const { return numRanks; }

  /// The world as `rank` sees it; to be used by that rank's thread.
  std::unique_ptr<Communicator> communicator(int rank);

  /// Ends all waits, now and later. The first reason is kept.
  void poison(int rank, const Status &why);

  /// The first failure of any rank, as that rank reported it.
  std::optional<Status> firstFailure() const;

  /// Opens a meeting of this world; a rank that is late poisons it.
  Status open(LocalRendezvous &place, int index, LocalRendezvous::Slot slot,
              const std::string &axes);

private:
  friend class LocalCommunicator;
  LocalWorld(int size, CommOptions options)
      : numRanks(size), options(options) {}

  /// One meeting point for each list of ranks: the plan's total order makes it
  /// safe to share among groups.
  std::shared_ptr<LocalRendezvous> rendezvous(const std::vector<int> &ranks);

  const int numRanks;
  const CommOptions options;
  mutable std::mutex mutex;
  std::map<std::vector<int>, std::shared_ptr<LocalRendezvous>> meetings;
  std::optional<Status> failure;
  int failedRank = -1;
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_LOCALCOMMUNICATOR_H
