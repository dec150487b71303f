//===- TcpFrames.h - Messages on a connection -------------------*- C++ -*-===//
//
// A byte stream cut into messages: a kind, the number of bytes, the bytes.
// Integers are little endian, as on every machine that the runtime runs on.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_TCPFRAMES_H
#define FABRIC_RUNTIME_COMM_TCPFRAMES_H

#include "runtime/Support/Socket.h"

#include <deque>
#include <string>
#include <vector>

namespace fabric::comm {

enum class FrameKind : uint32_t {
  Hello = 1,   ///< To rank 0: who this is.
  Welcome = 2, ///< From rank 0: all have come.
  Data = 3,    ///< What is exchanged.
  Abort = 4,   ///< Why the sender gives up.
};

struct Frame {
  FrameKind kind;
  std::string bytes;
};

/// A connection to another rank.
class FrameSocket {
public:
  explicit FrameSocket(Socket socket) : socket(std::move(socket)) {}

  Status send(FrameKind kind, std::string_view bytes, Deadline deadline);

  /// Takes in what has come, without waiting; fails on what is no frame.
  Status pump();

  /// The oldest message that has come whole.
  std::optional<Frame> take();
  bool ended() const { return hasEnded; }

  /// Says that no more will come, and waits until the peer says so too, or for
  /// the deadline: what was sent arrives.
  void finish(Deadline deadline);

  int native() const { return socket.native(); }
  Status waitReadable(Deadline deadline) const {
    return socket.waitReadable(deadline);
  }

private:
  Socket socket;
  std::string pending; ///< Of a frame that is not whole yet.
  std::deque<Frame> whole;
  bool hasEnded = false;
};

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_TCPFRAMES_H
