//===- FakeNccl.cpp - An NCCL between the threads of a process ------------===//
//
// A libnccl.so for tests without GPUs: sends are copied into a mailbox when a
// group of calls ends, receives wait for theirs. A message that has another
// size than its receiver expects is an error, where NCCL's memory would be
// overwritten or its kernels hang.
//
//===----------------------------------------------------------------------===//

#include <nccl.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace {

using Message = std::vector<char>;

/// What the ranks of a communicator share.
struct World {
  std::mutex mutex;
  std::condition_variable changed;
  int size = 0, joined = 0;
  bool aborted = false;
  std::map<std::pair<int, int>, std::deque<Message>> mail; ///< From, to.
};

struct Comm {
  std::shared_ptr<World> world;
  int rank;
};

/// A call inside of a group.
struct Call {
  Comm *comm;
  bool sends;
  int peer;
  const void *from;
  void *to;
  size_t bytes;
};

std::mutex worldsMutex;
std::map<uint64_t, std::shared_ptr<World>> worlds; ///< By identifier.
uint64_t lastId = 0;

thread_local int depth = 0;
thread_local std::vector<Call> calls;

Comm &of(ncclComm_t comm) { return *reinterpret_cast<Comm *>(comm); }

void post(const Call &call) {
  World &world = *call.comm->world;
  std::lock_guard lock(world.mutex);
  auto *bytes = static_cast<const char *>(call.from);
  world.mail[{call.comm->rank, call.peer}].emplace_back(bytes,
                                                        bytes + call.bytes);
  world.changed.notify_all();
}

ncclResult_t fetch(const Call &call) {
  World &world = *call.comm->world;
  std::unique_lock lock(world.mutex);
  auto &inbox = world.mail[{call.peer, call.comm->rank}];
  bool came = world.changed.wait_for(lock, std::chrono::seconds(20), [&] {
    return world.aborted || !inbox.empty();
  });
  if (world.aborted || !came)
    return ncclRemoteError;
  Message message = std::move(inbox.front());
  inbox.pop_front();
  if (message.size() != call.bytes)
    return ncclInvalidUsage;
  std::memcpy(call.to, message.data(), message.size());
  return ncclSuccess;
}

ncclResult_t runCalls(std::vector<Call> group) {
  for (const Call &call : group)
    if (call.sends)
      post(call);
  for (const Call &call : group)
    if (!call.sends)
      if (ncclResult_t code = fetch(call); code != ncclSuccess)
        return code;
  return ncclSuccess;
}

ncclResult_t give(const Call &call) {
  if (depth == 0)
    return runCalls({call});
  calls.push_back(call);
  return ncclSuccess;
}

} // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  std::lock_guard lock(worldsMutex);
  ++lastId;
  std::memcpy(id->internal, &lastId, sizeof(lastId));
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int size, ncclUniqueId id,
                                    int rank, ncclConfig_t *) {
  uint64_t number;
  std::memcpy(&number, id.internal, sizeof(number));
  std::lock_guard lock(worldsMutex);
  std::shared_ptr<World> &world = worlds[number];
  if (!world)
    world = std::make_shared<World>();
  std::lock_guard inside(world->mutex);
  world->size = size;
  ++world->joined;
  *comm = reinterpret_cast<ncclComm_t>(new Comm{world, rank});
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state) {
  World &world = *of(comm).world;
  std::lock_guard lock(world.mutex);
  *state = world.joined < world.size ? ncclInProgress : ncclSuccess;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  {
    World &world = *of(comm).world;
    std::lock_guard lock(world.mutex);
    world.aborted = true;
    world.changed.notify_all();
  }
  delete &of(comm);
  return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t code) {
  return code == ncclInvalidUsage ? "a message of another size"
                                  : "remote error";
}
const char *ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGroupStart(void) {
  ++depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd(void) {
  if (--depth > 0)
    return ncclSuccess;
  return runCalls(std::exchange(calls, {}));
}

ncclResult_t ncclSend(const void *from, size_t count, ncclDataType_t, int peer,
                      ncclComm_t comm, cudaStream_t) {
  return give({&of(comm), true, peer, from, nullptr, count});
}
ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t, int peer,
                      ncclComm_t comm, cudaStream_t) {
  return give({&of(comm), false, peer, nullptr, to, count});
}

ncclResult_t ncclAllGather(const void *from, void *to, size_t count,
                           ncclDataType_t, ncclComm_t handle, cudaStream_t) {
  Comm &comm = of(handle);
  std::vector<Call> group;
  for (int peer = 0; peer < comm.world->size; ++peer) {
    group.push_back({&comm, true, peer, from, nullptr, count});
    char *piece = static_cast<char *>(to) + peer * count;
    group.push_back({&comm, false, peer, nullptr, piece, count});
  }
  return runCalls(std::move(group));
}

} // extern "C"
