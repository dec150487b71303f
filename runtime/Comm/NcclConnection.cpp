//===- NcclConnection.cpp - NCCL, wrapped ---------------------------------===//

#include "runtime/Comm/NcclConnection.h"

#include <string>
#include <thread>

namespace fabric::comm {

Expected<std::shared_ptr<const Nccl>> Nccl::load() {
  auto nccl = std::make_shared<Nccl>();
  std::string file = "libnccl.so." + std::to_string(NCCL_MAJOR);
  FABRIC_ASSIGN_OR_RETURN(nccl->library, SharedLibrary::open(file));
#define FABRIC_FIND(name)                                                      \
  FABRIC_RETURN_IF_ERROR(nccl->library.find(nccl->name, #name));
  FABRIC_NCCL_FUNCTIONS(FABRIC_FIND)
#undef FABRIC_FIND
  return std::shared_ptr<const Nccl>(std::move(nccl));
}

Status Nccl::check(ncclResult_t code, const char *call, ncclComm_t comm) const {
  if (code == ncclSuccess || code == ncclInProgress)
    return Status::success();
  std::string detail = ncclGetLastError(comm);
  if (size_t end = detail.find('\n'); end != std::string::npos)
    detail.erase(end);
  return Status::error("NCCL: ", call, ": ", ncclGetErrorString(code),
                       detail.empty() ? "" : ": ", detail);
}

Status Patience::pause(std::chrono::steady_clock::time_point start) const {
  if (std::optional<Status> failure = control.failure())
    return *failure;
  auto waited = std::chrono::steady_clock::now() - start;
  if (waited > timeout)
    return Status::error("the other ranks did not come within ",
                         std::chrono::duration<double>(timeout).count(), " s");
  if (waited < std::chrono::milliseconds(2))
    std::this_thread::yield();
  else
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  return Status::success();
}

Status NcclConnection::settle(const char *name) const {
  auto start = std::chrono::steady_clock::now();
  for (;;) {
    ncclResult_t state = ncclSuccess;
    FABRIC_RETURN_IF_ERROR(
        nccl->check(nccl->ncclCommGetAsyncError(comm, &state),
                    "ncclCommGetAsyncError", comm));
    if (state != ncclInProgress)
      return nccl->check(state, name, comm);
    FABRIC_RETURN_IF_ERROR(patience.pause(start).in(name));
  }
}

Status NcclConnection::call(ncclResult_t code, const char *name) const {
  FABRIC_RETURN_IF_ERROR(nccl->check(code, name, comm));
  return code == ncclInProgress ? settle(name) : Status::success();
}

Status NcclConnection::connect(const ncclUniqueId &id, int size, int index) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  return call(nccl->ncclCommInitRankConfig(&comm, size, id, index, &config),
              "ncclCommInitRankConfig");
}

Status NcclConnection::allGather(const void *input, void *output, int64_t bytes,
                                 cudaStream_t stream) {
  return call(nccl->ncclAllGather(input, output, static_cast<size_t>(bytes),
                                  ncclInt8, comm, stream),
              "ncclAllGather");
}

Status NcclConnection::exchange(const std::vector<Transfer> &transfers,
                                cudaStream_t stream) {
  FABRIC_RETURN_IF_ERROR(call(nccl->ncclGroupStart(), "ncclGroupStart"));
  // Whatever fails, the group has to end.
  Status status = Status::success();
  auto give = [&](ncclResult_t code, const char *name) {
    if (status.ok())
      status = nccl->check(code, name, comm);
  };
  for (size_t i = 0; i < transfers.size(); ++i) {
    const Transfer &transfer = transfers[i];
    int peer = static_cast<int>(i);
    if (transfer.sentBytes > 0)
      give(nccl->ncclSend(transfer.sent,
                          static_cast<size_t>(transfer.sentBytes), ncclInt8,
                          peer, comm, stream),
           "ncclSend");
    if (transfer.receivedBytes > 0)
      give(nccl->ncclRecv(transfer.received,
                          static_cast<size_t>(transfer.receivedBytes), ncclInt8,
                          peer, comm, stream),
           "ncclRecv");
  }
  Status ended = call(nccl->ncclGroupEnd(), "ncclGroupEnd");
  return status.ok() ? ended : status;
}

Status NcclConnection::poll() const {
  if (!comm)
    return Status::success();
  ncclResult_t state = ncclSuccess;
  FABRIC_RETURN_IF_ERROR(nccl->check(nccl->ncclCommGetAsyncError(comm, &state),
                                     "ncclCommGetAsyncError", comm));
  return nccl->check(state, "a collective", comm);
}

void NcclConnection::abort() {
  if (comm)
    (void)nccl->ncclCommAbort(std::exchange(comm, nullptr));
}

} // namespace fabric::comm
