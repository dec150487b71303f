//===- TcpCommunicator.cpp - Ranks that meet at an address ----------------===//
//
// A star: rank 0 has a connection to everyone, everyone else one to rank 0. An
// exchange is everyone's bytes to rank 0 and the list of them back. A rank that
// gives up says why; rank 0 passes it on. A connection that ends is a rank that
// has died.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/TcpCommunicator.h"
#include "runtime/Comm/TcpFrames.h"

#include <cstring>
#include <map>
#include <poll.h>
#include <thread>

namespace fabric::comm {
namespace {

using Clock = std::chrono::steady_clock;

/// What a rank says of itself when it comes.
struct Hello {
  int32_t rank, size;
};

template <typename T> std::string_view bytesOf(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

/// A list of texts as one, and back.
std::string pack(const std::vector<std::string> &texts) {
  std::string packed;
  for (const std::string &text : texts) {
    uint64_t size = text.size();
    packed += bytesOf(size);
    packed += text;
  }
  return packed;
}

Expected<std::vector<std::string>> unpack(const std::string &packed,
                                          size_t count) {
  std::vector<std::string> texts;
  size_t at = 0;
  while (texts.size() < count && packed.size() - at >= sizeof(uint64_t)) {
    uint64_t size = 0;
    std::memcpy(&size, packed.data() + at, sizeof(size));
    at += sizeof(size);
    if (packed.size() - at < size)
      break;
    texts.push_back(packed.substr(at, size));
    at += size;
  }
  if (texts.size() != count || at != packed.size())
    return Status::error("rank 0 has sent something else than ", count,
                         " texts");
  return texts;
}

std::string secondsText(std::chrono::milliseconds time) {
  std::ostringstream text;
  text << std::chrono::duration<double>(time).count() << " s";
  return text.str();
}

class TcpCommunicator final : public Communicator {
public:
  TcpCommunicator(const Rendezvous &where, CommOptions options)
      : where(where), timeout(options.timeout),
        peers(std::make_unique<Peers>()) {}
  ~TcpCommunicator() override {
    // Nobody is left behind whose last message is still on its way.
    Deadline soon = Clock::now() + std::chrono::seconds(2);
    if (gaveUp)
      for (auto &[rank, peer] : peers->connections)
        peer.finish(soon);
  }

  Status meet() { return where.rank == 0 ? gatherAll() : joinFirst(); }

  int rank() const override { return where.rank; }
  int size() const override { return where.size; }
  std::string_view name() const override { return "tcp"; }
  int64_t scratchBytes() const override { return 0; }

  Expected<std::vector<std::string>>
  exchange(const std::string &bytes) override {
    Deadline deadline = Clock::now() + timeout;
    if (where.rank != 0) {
      FABRIC_RETURN_IF_ERROR(send(0, FrameKind::Data, bytes, deadline));
      FABRIC_ASSIGN_OR_RETURN(std::string all, receive(0, deadline));
      return unpack(all, static_cast<size_t>(where.size));
    }
    std::vector<std::string> all = {bytes};
    for (int other = 1; other < where.size; ++other) {
      FABRIC_ASSIGN_OR_RETURN(std::string theirs, receive(other, deadline));
      all.push_back(std::move(theirs));
    }
    std::string packed = pack(all);
    for (int other = 1; other < where.size; ++other)
      FABRIC_RETURN_IF_ERROR(send(other, FrameKind::Data, packed, deadline));
    return all;
  }

  std::optional<Status> failure() const override {
    pump(Clock::time_point::min());
    return peers->failed;
  }

  void abort(const Status &why) override { giveUp(why.message(), where.rank); }

protected:
  Expected<std::unique_ptr<Group>> doCreateGroup(GroupSpec, int,
                                                 std::shared_ptr<Mover>,
                                                 device::Stream *) override {
    return Status::error("ranks that meet over TCP have nothing that moves "
                         "data between them");
  }

private:
  /// What changes as messages come, also while somebody only asks.
  struct Peers {
    std::map<int, FrameSocket> connections; ///< By rank.
    std::map<int, std::deque<std::string>> data;
    std::optional<Status> failed;
  };

  std::string place() const {
    return where.host + ":" + std::to_string(where.port);
  }

  //===--- Meeting --------------------------------------------------------===//

  /// As rank 0.
  Status gatherAll() {
    auto opened = Listener::open(where.host, where.port);
    if (opened.failed())
      return opened.status().in("rank 0 cannot listen at " + place());
    Deadline deadline = Clock::now() + timeout;
    while (static_cast<int>(peers->connections.size()) < where.size - 1) {
      auto came = opened->accept(deadline);
      if (came.failed())
        return came.status().in("rank 0 cannot listen at " + place());
      if (!*came)
        return refuseAll(absent() + " did not come to " + place() + " within " +
                         secondsText(timeout));
      Status admitted = admit(FrameSocket(std::move(**came)), deadline);
      if (admitted.failed())
        return turnAway(*opened, admitted);
    }
    for (int other = 1; other < where.size; ++other)
      FABRIC_RETURN_IF_ERROR(send(other, FrameKind::Welcome, "", deadline));
    return Status::success();
  }

  /// Who does not say in time that it is a rank is none, and forgotten.
  Status admit(FrameSocket came, Deadline deadline) {
    Deadline patience =
        std::min(deadline, Clock::now() + std::chrono::seconds(2));
    std::optional<Frame> first;
    while (!first) {
      if (came.pump().failed() || came.ended())
        return Status::success();
      first = came.take();
      if (!first && came.waitReadable(patience).failed())
        return Status::success();
    }
    Hello hello;
    if (first->kind != FrameKind::Hello || first->bytes.size() != sizeof(hello))
      return Status::success();
    std::memcpy(&hello, first->bytes.data(), sizeof(hello));
    std::string wrong;
    if (hello.size != where.size)
      wrong = "rank " + std::to_string(hello.rank) +
              " has WORLD_SIZE=" + std::to_string(hello.size) +
              " and rank 0 has WORLD_SIZE=" + std::to_string(where.size);
    else if (hello.rank < 1 || hello.rank >= where.size ||
             peers->connections.contains(hello.rank))
      wrong = "more than one process has RANK=" + std::to_string(hello.rank);
    if (wrong.empty()) {
      peers->connections.emplace(hello.rank, std::move(came));
      return Status::success();
    }
    (void)came.send(FrameKind::Abort, wrong, patience);
    Status refused = refuseAll(wrong);
    came.finish(patience);
    return refused;
  }

  /// Tells those who come a little later why there is no run, too.
  Status turnAway(Listener &listener, const Status &why) {
    Deadline deadline = Clock::now() + std::chrono::seconds(1);
    for (;;) {
      auto came = listener.accept(deadline);
      if (came.failed() || !*came)
        return why;
      FrameSocket late(std::move(**came));
      (void)late.send(FrameKind::Abort, why.message(), deadline);
      late.finish(deadline);
    }
  }

  /// "rank 2", "ranks 1, 3".
  std::string absent() const {
    std::string list;
    int count = 0;
    for (int other = 1; other < where.size; ++other)
      if (!peers->connections.contains(other)) {
        list += (list.empty() ? "" : ", ") + std::to_string(other);
        ++count;
      }
    return (count == 1 ? "rank " : "ranks ") + list;
  }

  Status refuseAll(const std::string &why) {
    giveUp(why, 0);
    return Status::error(why);
  }

  /// As another rank. Rank 0 may not be there yet.
  Status joinFirst() {
    Deadline deadline = Clock::now() + timeout;
    auto pause = std::chrono::milliseconds(10);
    for (;;) {
      Status status = tryJoin(deadline);
      if (status.ok() || peers->failed)
        return status;
      peers->connections.clear();
      if (Clock::now() + pause >= deadline)
        return Status::error("rank ", where.rank, " cannot reach rank 0 at ",
                             place(), " within ", secondsText(timeout), ": ",
                             status.message());
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::milliseconds(500));
    }
  }

  Status tryJoin(Deadline deadline) {
    FABRIC_ASSIGN_OR_RETURN(Socket socket,
                            Socket::connect(where.host, where.port, deadline));
    FrameSocket &first =
        peers->connections.emplace(0, std::move(socket)).first->second;
    Hello hello = {where.rank, where.size};
    FABRIC_RETURN_IF_ERROR(
        first.send(FrameKind::Hello, bytesOf(hello), deadline));
    // From here on it is rank 0 that says who has not come.
    deadline += std::chrono::seconds(5);
    for (;;) {
      FABRIC_RETURN_IF_ERROR(first.pump());
      std::optional<Frame> frame = first.take();
      if (frame && frame->kind == FrameKind::Welcome)
        return Status::success();
      if (frame) {
        peers->failed = Status::error(frame->bytes);
        return *peers->failed;
      }
      if (first.ended())
        return Status::error("it ends the connection");
      FABRIC_RETURN_IF_ERROR(first.waitReadable(deadline));
    }
  }

  //===--- Talking --------------------------------------------------------===//

  Status send(int to, FrameKind kind, std::string_view bytes,
              Deadline deadline) {
    if (peers->failed)
      return *peers->failed;
    Status sent = peers->connections.at(to).send(kind, bytes, deadline);
    if (sent.ok())
      return sent;
    // Perhaps because the peer has given up, and has said why.
    pump(Clock::time_point::min());
    if (peers->failed)
      return *peers->failed;
    return sent.in("sending to rank " + std::to_string(to));
  }

  Expected<std::string> receive(int from, Deadline deadline) {
    std::deque<std::string> &inbox = peers->data[from];
    while (inbox.empty()) {
      if (peers->failed)
        return *peers->failed;
      if (Clock::now() >= deadline)
        return Status::error("rank ", from, " said nothing to rank ",
                             where.rank, " within ", secondsText(timeout));
      pump(deadline);
    }
    std::string text = std::move(inbox.front());
    inbox.pop_front();
    return text;
  }

  /// Takes in what has come from anyone; waits for something until `deadline`.
  void pump(Deadline deadline) const {
    if (takeIn())
      return;
    waitForAny(deadline);
    (void)takeIn();
  }

  /// Whether there was anything.
  bool takeIn() const {
    bool any = false;
    for (auto &[other, peer] : peers->connections) {
      if (peers->failed)
        return true;
      Status status = peer.pump();
      while (std::optional<Frame> frame = peer.take()) {
        any = true;
        if (frame->kind == FrameKind::Data)
          peers->data[other].push_back(std::move(frame->bytes));
        else if (frame->kind == FrameKind::Abort)
          giveUp(frame->bytes, other);
      }
      if (status.failed())
        giveUp("rank " + std::to_string(other) + ": " + status.message(),
               other);
      // Its last messages may still be wanted.
      if (peer.ended() && peers->data[other].empty())
        giveUp("rank " + std::to_string(other) + " has ended", other);
    }
    return any || peers->failed;
  }

  void waitForAny(Deadline deadline) const {
    std::vector<pollfd> requests;
    for (auto &[other, peer] : peers->connections)
      if (!peer.ended())
        requests.push_back({peer.native(), POLLIN, 0});
    auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(deadline, Clock::now()) - Clock::now());
    // Not for longer than a second: the caller looks at the time.
    (void)::poll(requests.data(), requests.size(),
                 static_cast<int>(std::min<int64_t>(left.count(), 1000)));
  }

  /// Nothing works from here on. Rank 0 tells everyone but who knows.
  void giveUp(const std::string &why, int knows) const {
    if (!peers->failed)
      peers->failed = Status::error(why);
    if (gaveUp)
      return;
    gaveUp = true;
    Deadline soon = Clock::now() + std::chrono::seconds(2);
    for (auto &[other, peer] : peers->connections)
      if (other != knows)
        (void)peer.send(FrameKind::Abort, why, soon);
  }

  const Rendezvous where;
  const std::chrono::milliseconds timeout;
  std::unique_ptr<Peers> peers;
  mutable bool gaveUp = false;
};

} // namespace

Expected<std::unique_ptr<Communicator>>
createTcpCommunicator(const Rendezvous &rendezvous, CommOptions options) {
  auto made = std::make_unique<TcpCommunicator>(rendezvous, options);
  FABRIC_RETURN_IF_ERROR(made->meet());
  return std::unique_ptr<Communicator>(std::move(made));
}

} // namespace fabric::comm
