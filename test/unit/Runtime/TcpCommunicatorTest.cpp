//===- TcpCommunicatorTest.cpp - Ranks that meet at an address ------------===//

#include "StatusMatchers.h"

#include "runtime/Comm/TcpCommunicator.h"
#include "runtime/Support/Socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace fabric;
using namespace fabric::comm;
using namespace fabric::test;
using namespace std::chrono_literals;

namespace {

/// A port that nobody listens at.
int freePort() {
  int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto *raw = reinterpret_cast<sockaddr *>(&address);
  EXPECT_EQ(::bind(probe, raw, size), 0);
  EXPECT_EQ(::getsockname(probe, raw, &size), 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

using Body = std::function<Status(Communicator &)>;

Status runRank(Rendezvous where, std::chrono::milliseconds timeout,
               const Body &body) {
  auto communicator = createTcpCommunicator(where, {.timeout = timeout});
  if (communicator.failed())
    return communicator.status();
  Status status = body(**communicator);
  if (status.failed() && !(*communicator)->agreedOnFailure())
    (*communicator)->abort(status);
  return status;
}

/// Ranks as threads; a result for each.
std::vector<std::optional<Status>>
runThreads(const std::vector<Rendezvous> &ranks, const Body &body,
           std::chrono::milliseconds timeout = 20s) {
  std::vector<std::optional<Status>> results(ranks.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < ranks.size(); ++i)
    threads.emplace_back(
        [&, i] { results[i] = runRank(ranks[i], timeout, body); });
  for (std::thread &thread : threads)
    thread.join();
  return results;
}

std::vector<Rendezvous> world(int size) {
  std::vector<Rendezvous> ranks;
  int port = freePort();
  for (int rank = 0; rank < size; ++rank)
    ranks.push_back({"localhost", port, rank, size});
  return ranks;
}

/// Differs by rank, round and place.
std::string message(int rank, int round) {
  std::string text(static_cast<size_t>(rank * 100'000 * (round % 2) + round),
                   '\0');
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i * 7 + static_cast<size_t>(rank + round));
  return text;
}

Status exchangeAndCheck(Communicator &ranks) {
  for (int round = 0; round < 6; ++round) {
    FABRIC_ASSIGN_OR_RETURN(auto all,
                            ranks.exchange(message(ranks.rank(), round)));
    for (int rank = 0; rank < ranks.size(); ++rank)
      if (all.size() != static_cast<size_t>(ranks.size()) ||
          all[static_cast<size_t>(rank)] != message(rank, round))
        return Status::error("round ", round, ": rank ", ranks.rank(),
                             " has something else from rank ", rank);
  }
  return ranks.agree(Status::success());
}

TEST(TcpCommunicator, ExchangesBytes) {
  for (int size : {1, 2, 3, 5})
    for (const auto &result : runThreads(world(size), exchangeAndCheck))
      EXPECT_TRUE(succeeded(*result)) << size;
}

TEST(TcpCommunicator, ExchangesBytesBetweenProcesses) {
  std::vector<Rendezvous> ranks = world(4);
  std::vector<pid_t> children;
  // The last first: they have to wait for rank 0.
  for (size_t i = ranks.size(); i-- > 1;) {
    pid_t child = ::fork();
    if (child == 0)
      ::_exit(runRank(ranks[i], 20s, exchangeAndCheck).ok() ? 0 : 1);
    children.push_back(child);
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(succeeded(runRank(ranks[0], 20s, exchangeAndCheck)));
  for (pid_t child : children) {
    int state = 0;
    ASSERT_EQ(::waitpid(child, &state, 0), child);
    EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
  }
}

TEST(TcpCommunicator, AgreesOnTheLowestRanksFailure) {
  auto results = runThreads(world(4), [](Communicator &ranks) {
    Status mine = ranks.rank() >= 2
                      ? Status::error("no data on rank ", ranks.rank())
                      : Status::success();
    Status status = ranks.agree(mine);
    EXPECT_TRUE(ranks.agreedOnFailure());
    return status;
  });
  for (const auto &result : results)
    EXPECT_TRUE(failedWith(*result, "no data on rank 2"));
}

//===----------------------------------------------------------------------===//
// Ranks that do not come, or do not fit
//===----------------------------------------------------------------------===//

TEST(TcpCommunicator, ARankThatDoesNotCome) {
  std::vector<Rendezvous> ranks = world(4);
  ranks.erase(ranks.begin() + 2);
  std::string place = "localhost:" + std::to_string(ranks[0].port);
  auto results = runThreads(ranks, exchangeAndCheck, 300ms);
  for (const auto &result : results)
    EXPECT_TRUE(
        failedWith(*result, "rank 2 did not come to " + place + " within 0.3"));
}

TEST(TcpCommunicator, ARank0ThatDoesNotCome) {
  Rendezvous where = world(4)[3];
  EXPECT_TRUE(failedWith(
      runRank(where, 100ms, exchangeAndCheck),
      "rank 3 cannot reach rank 0 at localhost:" + std::to_string(where.port) +
          " within 0.1 s: Connection refused"));
  where.host = "no-such-host.invalid";
  EXPECT_TRUE(failedWith(runRank(where, 100ms, exchangeAndCheck),
                         "rank 3 cannot reach rank 0 at no-such-host.invalid"));
}

TEST(TcpCommunicator, ARank0ThatCannotListen) {
  Rendezvous where = world(2)[0];
  auto other = Listener::open("localhost", where.port);
  ASSERT_TRUE(succeeded(other));
  EXPECT_TRUE(failedWith(
      runRank(where, 1s, exchangeAndCheck),
      "rank 0 cannot listen at localhost:" + std::to_string(where.port) +
          ": Address already in use"));
}

TEST(TcpCommunicator, WorldsOfDifferentSizes) {
  std::vector<Rendezvous> ranks = world(3);
  ranks[2].size = 4;
  for (const auto &result : runThreads(ranks, exchangeAndCheck))
    EXPECT_TRUE(failedWith(
        *result, "rank 2 has WORLD_SIZE=4 and rank 0 has WORLD_SIZE=3"));
}

TEST(TcpCommunicator, RanksOfOneNumber) {
  std::vector<Rendezvous> ranks = world(3);
  ranks[2].rank = 1;
  for (const auto &result : runThreads(ranks, exchangeAndCheck))
    EXPECT_TRUE(failedWith(*result, "more than one process has RANK=1"));
}

/// Whoever else finds the port: one says nothing, one something else, one goes.
TEST(TcpCommunicator, StrangersAreNoRanks) {
  std::vector<Rendezvous> ranks = world(2);
  std::vector<Socket> strangers;
  std::optional<Status> first;
  std::thread rank0([&] { first = runRank(ranks[0], 20s, exchangeAndCheck); });
  Deadline deadline = std::chrono::steady_clock::now() + 5s;
  std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (int i = 0; i < 3;) {
    auto stranger = Socket::connect("localhost", ranks[0].port, deadline);
    if (stranger.failed())
      continue;
    if (i == 1)
      EXPECT_TRUE(succeeded(
          stranger->send(std::as_bytes(std::span(request)), deadline)));
    if (i > 0)
      strangers.push_back(std::move(*stranger));
    ++i;
  }
  EXPECT_TRUE(succeeded(runRank(ranks[1], 20s, exchangeAndCheck)));
  rank0.join();
  EXPECT_TRUE(succeeded(*first));
}

TEST(TcpCommunicator, RanksThatMeetAStranger) {
  Rendezvous where = world(2)[1];
  auto listener = Listener::open("localhost", where.port);
  ASSERT_TRUE(succeeded(listener));
  std::optional<Status> result;
  std::thread rank1([&] { result = runRank(where, 300ms, exchangeAndCheck); });
  Deadline deadline = std::chrono::steady_clock::now() + 5s;
  auto met = listener->accept(deadline);
  ASSERT_TRUE(met.ok() && *met);
  std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_TRUE(
      succeeded((*met)->send(std::as_bytes(std::span(answer)), deadline)));
  rank1.join();
  EXPECT_TRUE(failedWith(*result, "cannot reach rank 0"));
}

//===----------------------------------------------------------------------===//
// Ranks that fail later
//===----------------------------------------------------------------------===//

TEST(TcpCommunicator, AbortsReachRanksThatWait) {
  for (int culprit : {0, 2}) {
    auto results = runThreads(world(4), [&](Communicator &ranks) -> Status {
      if (ranks.rank() == culprit)
        return Status::error("out of memory");
      return ranks.exchange("").status();
    });
    for (const auto &result : results)
      EXPECT_TRUE(failedWith(*result, "out of memory"));
  }
}

TEST(TcpCommunicator, AbortsReachRanksThatOnlyAsk) {
  auto results = runThreads(world(3), [&](Communicator &ranks) -> Status {
    if (ranks.rank() == 1)
      return Status::error("step 3 failed");
    auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < 10s) {
      if (auto failure = ranks.failure())
        return *failure;
      std::this_thread::sleep_for(1ms);
    }
    return Status::error("nobody said anything");
  });
  for (const auto &result : results)
    EXPECT_TRUE(failedWith(*result, "step 3 failed"));
}

TEST(TcpCommunicator, ProcessesThatDie) {
  std::vector<Rendezvous> ranks = world(3);
  pid_t child = ::fork();
  if (child == 0) {
    (void)runRank(ranks[2], 20s, [](Communicator &) -> Status { ::_exit(0); });
    ::_exit(0);
  }
  ranks.pop_back();
  for (const auto &result : runThreads(ranks, exchangeAndCheck))
    EXPECT_TRUE(failedWith(*result, "rank 2 has ended"));
  ::waitpid(child, nullptr, 0);
}

TEST(TcpCommunicator, ARankThatIsLate) {
  auto results = runThreads(
      world(2),
      [&](Communicator &ranks) -> Status {
        if (ranks.rank() == 1)
          std::this_thread::sleep_for(500ms);
        return ranks.agree(Status::success());
      },
      200ms);
  for (const auto &result : results)
    EXPECT_TRUE(
        failedWith(*result, "rank 1 said nothing to rank 0 within 0.2 s"));
}

TEST(TcpCommunicator, MovesNoTensors) {
  auto results = runThreads(world(2), [&](Communicator &ranks) -> Status {
    return ranks.createGroup({{0, 1}, "tp"}).status();
  });
  for (const auto &result : results)
    EXPECT_TRUE(failedWith(*result, "nothing that moves data between them"));
}

} // namespace
