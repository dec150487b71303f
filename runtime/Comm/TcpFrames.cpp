//===- TcpFrames.cpp - Messages on a connection ---------------------------===//

#include "runtime/Comm/TcpFrames.h"

#include <array>
#include <cstring>

namespace fabric::comm {
namespace {

/// Before the bytes of a frame.
struct Header {
  uint32_t magic, kind;
  uint64_t bytes;
};
/// Tells a rank from whatever else may come to a port.
constexpr uint32_t magic = 0x46625231; // "1RbF"
/// What ranks say to each other is short; more than this is no rank.
constexpr uint64_t mostBytes = uint64_t(1) << 32;

} // namespace

Status FrameSocket::send(FrameKind kind, std::string_view bytes,
                         Deadline deadline) {
  Header header = {magic, static_cast<uint32_t>(kind), bytes.size()};
  FABRIC_RETURN_IF_ERROR(
      socket.send(std::as_bytes(std::span(&header, 1)), deadline));
  return socket.send(std::as_bytes(std::span(bytes)), deadline);
}

Status FrameSocket::pump() {
  std::array<std::byte, 1 << 16> some;
  while (!hasEnded) {
    FABRIC_ASSIGN_OR_RETURN(std::optional<size_t> count,
                            socket.receiveSome(some));
    if (count == 0u)
      break;
    hasEnded = !count.has_value();
    if (count)
      pending.append(reinterpret_cast<const char *>(some.data()), *count);
  }
  size_t used = 0;
  while (pending.size() - used >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, pending.data() + used, sizeof(header));
    if (header.magic != magic || header.bytes > mostBytes)
      return Status::error("expected a rank of fabric-run, found another "
                           "program");
    if (pending.size() - used - sizeof(header) < header.bytes)
      break;
    used += sizeof(header);
    whole.push_back({static_cast<FrameKind>(header.kind),
                     pending.substr(used, header.bytes)});
    used += header.bytes;
  }
  pending.erase(0, used);
  return Status::success();
}

std::optional<Frame> FrameSocket::take() {
  if (whole.empty())
    return std::nullopt;
  Frame frame = std::move(whole.front());
  whole.pop_front();
  return frame;
}

void FrameSocket::finish(Deadline deadline) {
  socket.endSending();
  while (!hasEnded && pump().ok() &&
         std::chrono::steady_clock::now() < deadline)
    if (!hasEnded && socket.waitReadable(deadline).failed())
      return;
}

} // namespace fabric::comm
