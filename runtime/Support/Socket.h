//===- Socket.h - TCP between processes -------------------------*- C++ -*-===//
//
// Sockets that never block: every wait is for a deadline. Errors do not name
// the peer; callers do.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_SOCKET_H
#define FABRIC_RUNTIME_SUPPORT_SOCKET_H

#include "runtime/Support/Status.h"
#include "runtime/Support/UniqueHandle.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace fabric {

using Deadline = std::chrono::steady_clock::time_point;

struct SocketTraits {
  using Handle = int;
  static Handle null() { return -1; }
  static void close(Handle socket);
};
using UniqueSocket = UniqueHandle<SocketTraits>;

/// One end of a connection.
class Socket {
public:
  explicit Socket(UniqueSocket handle) : handle(std::move(handle)) {}

  /// One attempt: fails at once where nobody listens.
  static Expected<Socket> connect(const std::string &host, int port,
                                  Deadline deadline);

  Status send(std::span<const std::byte> bytes, Deadline deadline);

  /// Reads what is there into `bytes`: how many, 0 where there are none yet;
  /// nothing where the peer has ended the connection.
  Expected<std::optional<size_t>> receiveSome(std::span<std::byte> bytes);

  /// Waits until there is something to receive, or for the deadline.
  Status waitReadable(Deadline deadline) const;

  /// Sends no more; the peer sees an end after all that was sent.
  void endSending();

  int native() const { return handle.get(); }

private:
  UniqueSocket handle;
};

/// Takes connections.
class Listener {
public:
  /// On the addresses of `host`; on all where the name is not of this machine
  /// itself (a cluster's service has one).
  static Expected<Listener> open(const std::string &host, int port);

  /// Nothing if nobody has come by the deadline.
  Expected<std::optional<Socket>> accept(Deadline deadline);

private:
  explicit Listener(UniqueSocket handle) : handle(std::move(handle)) {}
  UniqueSocket handle;
};

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_SOCKET_H
