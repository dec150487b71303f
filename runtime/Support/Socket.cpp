//===- Socket.cpp - TCP between processes ---------------------------------===//

#include "runtime/Support/Socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fabric {
namespace {

Status systemError(int code) { return Status::error(std::strerror(code)); }

struct FreeAddresses {
  void operator()(addrinfo *list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Expected<Addresses> resolve(const std::string &host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo *list = nullptr;
  int code =
      ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0)
    return Status::error(::gai_strerror(code));
  return Addresses(list);
}

Expected<UniqueSocket> createSocket(int family) {
  UniqueSocket made(
      ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made)
    return systemError(errno);
  return made;
}

void setFlag(int socket, int level, int option) {
  int on = 1;
  (void)::setsockopt(socket, level, option, &on, sizeof(on));
}

/// Whether `events` happen before the deadline.
Expected<bool> waitFor(int socket, short events, Deadline deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(
                    deadline - std::chrono::steady_clock::now())
                    .count();
    int milliseconds =
        static_cast<int>(std::clamp<int64_t>(left, 0, 1'000'000));
    pollfd request = {socket, events, 0};
    int ready = ::poll(&request, 1, milliseconds);
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return systemError(errno);
    if (left <= 0)
      return false;
  }
}

Status timedOut() { return Status::error("no answer in time"); }

Expected<Socket> connectTo(const addrinfo &address, Deadline deadline) {
  FABRIC_ASSIGN_OR_RETURN(UniqueSocket made, createSocket(address.ai_family));
  setFlag(made.get(), IPPROTO_TCP, TCP_NODELAY);
  if (::connect(made.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS)
      return systemError(errno);
    FABRIC_ASSIGN_OR_RETURN(bool done, waitFor(made.get(), POLLOUT, deadline));
    if (!done)
      return timedOut();
    int code = 0;
    socklen_t size = sizeof(code);
    (void)::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0)
      return systemError(code);
  }
  return Socket(std::move(made));
}

/// 0, or the system's number of what went wrong.
int listenAt(const sockaddr *address, socklen_t size, UniqueSocket &made) {
  auto created = createSocket(address->sa_family);
  if (created.failed())
    return EAFNOSUPPORT;
  made = std::move(*created);
  // The run before may have left connections that the system still remembers.
  setFlag(made.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(made.get(), address, size) != 0 ||
      ::listen(made.get(), SOMAXCONN) != 0)
    return errno;
  return 0;
}

} // namespace

void SocketTraits::close(Handle socket) { ::close(socket); }

Expected<Socket> Socket::connect(const std::string &host, int port,
                                 Deadline deadline) {
  FABRIC_ASSIGN_OR_RETURN(Addresses list, resolve(host, port));
  Expected<Socket> last = timedOut();
  for (const addrinfo *one = list.get(); one; one = one->ai_next) {
    last = connectTo(*one, deadline);
    if (last.ok())
      break;
  }
  return last;
}

Status Socket::send(std::span<const std::byte> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    ssize_t sent =
        ::send(handle.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR)
      continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return systemError(errno);
    FABRIC_ASSIGN_OR_RETURN(bool ready,
                            waitFor(handle.get(), POLLOUT, deadline));
    if (!ready)
      return timedOut();
  }
  return Status::success();
}

Expected<std::optional<size_t>>
Socket::receiveSome(std::span<std::byte> bytes) {
  for (;;) {
    ssize_t count = ::recv(handle.get(), bytes.data(), bytes.size(), 0);
    if (count > 0)
      return std::optional<size_t>(static_cast<size_t>(count));
    if (count == 0 || errno == ECONNRESET)
      return std::optional<size_t>();
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return std::optional<size_t>(0);
    if (errno != EINTR)
      return systemError(errno);
  }
}

Status Socket::waitReadable(Deadline deadline) const {
  FABRIC_ASSIGN_OR_RETURN(bool ready, waitFor(handle.get(), POLLIN, deadline));
  return ready ? Status::success() : timedOut();
}

void Socket::endSending() { (void)::shutdown(handle.get(), SHUT_WR); }

Expected<Listener> Listener::open(const std::string &host, int port) {
  FABRIC_ASSIGN_OR_RETURN(Addresses list, resolve(host, port));
  UniqueSocket made;
  for (const addrinfo *one = list.get(); one; one = one->ai_next) {
    int code = listenAt(one->ai_addr, one->ai_addrlen, made);
    if (code == 0)
      return Listener(std::move(made));
    if (code != EADDRNOTAVAIL)
      return systemError(code);
  }
  sockaddr_in any = {};
  any.sin_family = AF_INET;
  any.sin_port = htons(static_cast<uint16_t>(port));
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  if (int code =
          listenAt(reinterpret_cast<const sockaddr *>(&any), sizeof(any), made))
    return systemError(code);
  return Listener(std::move(made));
}

Expected<std::optional<Socket>> Listener::accept(Deadline deadline) {
  for (;;) {
    UniqueSocket made(::accept4(handle.get(), nullptr, nullptr,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (made) {
      setFlag(made.get(), IPPROTO_TCP, TCP_NODELAY);
      return std::optional<Socket>(Socket(std::move(made)));
    }
    // Of connections that are gone again, nothing is lost.
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return systemError(errno);
    FABRIC_ASSIGN_OR_RETURN(bool ready,
                            waitFor(handle.get(), POLLIN, deadline));
    if (!ready)
      return std::optional<Socket>();
  }
}

} // namespace fabric
