//===- NcclConnectionTest.cpp - What becomes of NCCL's answers ------------===//
//
// NCCL's functions are found by name at run time; here others are in their
// place, which answer as NCCL does where something goes wrong. Nothing needs a
// GPU.
//
//===----------------------------------------------------------------------===//

#include "StatusMatchers.h"

#include "runtime/Comm/LocalCommunicator.h"
#include "runtime/Comm/NcclConnection.h"

#include <deque>

using namespace fabric;
using namespace fabric::comm;
using namespace fabric::test;
using namespace std::chrono_literals;

namespace {

/// What the library was asked, and what it is to answer.
struct Script {
  std::vector<std::string> calls;
  ncclResult_t init = ncclSuccess, gather = ncclSuccess;
  ncclResult_t send = ncclSuccess, receive = ncclSuccess;
  ncclResult_t groupEnd = ncclSuccess;
  /// Of the communicator, one a question; the last one stays.
  std::deque<ncclResult_t> states = {ncclSuccess};
  std::string lastError;
};
Script script;

ncclComm_t someComm() { return reinterpret_cast<ncclComm_t>(&script); }

std::shared_ptr<const Nccl> scripted() {
  script = {};
  auto nccl = std::make_shared<Nccl>();
  nccl->ncclGetErrorString = [](ncclResult_t code) -> const char * {
    return code == ncclSystemError ? "unhandled system error"
                                   : "some other error";
  };
  nccl->ncclGetLastError = [](ncclComm_t) -> const char * {
    return script.lastError.c_str();
  };
  nccl->ncclCommInitRankConfig = [](ncclComm_t *comm, int size, ncclUniqueId,
                                    int index, ncclConfig_t *config) {
    script.calls.push_back("init " + std::to_string(index) + " of " +
                           std::to_string(size) +
                           (config->blocking == 0 ? ", non-blocking" : ""));
    *comm = someComm();
    return script.init;
  };
  nccl->ncclCommGetAsyncError = [](ncclComm_t comm, ncclResult_t *state) {
    EXPECT_EQ(comm, someComm());
    *state = script.states.front();
    if (script.states.size() > 1)
      script.states.pop_front();
    return ncclSuccess;
  };
  nccl->ncclCommAbort = [](ncclComm_t comm) {
    EXPECT_EQ(comm, someComm());
    script.calls.push_back("abort");
    return ncclSuccess;
  };
  nccl->ncclAllGather = [](const void *, void *, size_t bytes, ncclDataType_t,
                           ncclComm_t, cudaStream_t) {
    script.calls.push_back("gather " + std::to_string(bytes));
    return script.gather;
  };
  nccl->ncclGroupStart = [] {
    script.calls.push_back("start");
    return ncclSuccess;
  };
  nccl->ncclGroupEnd = [] {
    script.calls.push_back("end");
    return script.groupEnd;
  };
  nccl->ncclSend = [](const void *, size_t bytes, ncclDataType_t, int peer,
                      ncclComm_t, cudaStream_t) {
    script.calls.push_back("send " + std::to_string(bytes) + " to " +
                           std::to_string(peer));
    return script.send;
  };
  nccl->ncclRecv = [](void *, size_t bytes, ncclDataType_t, int peer,
                      ncclComm_t, cudaStream_t) {
    script.calls.push_back("receive " + std::to_string(bytes) + " from " +
                           std::to_string(peer));
    return script.receive;
  };
  return nccl;
}

using Calls = std::vector<std::string>;

class NcclConnectionTest : public testing::Test {
protected:
  Status connect() { return connection.connect({}, 4, 1); }

  std::shared_ptr<LocalWorld> world = LocalWorld::create(1);
  std::unique_ptr<Communicator> control = world->communicator(0);
  NcclConnection connection{scripted(), Patience(*control, 100ms)};
};

TEST_F(NcclConnectionTest, ConnectsWithoutBlocking) {
  script.init = ncclInProgress;
  script.states = {ncclInProgress, ncclInProgress, ncclSuccess};
  EXPECT_TRUE(succeeded(connect()));
  EXPECT_EQ(script.calls, (Calls{"init 1 of 4, non-blocking"}));
  EXPECT_TRUE(succeeded(connection.poll()));
}

TEST_F(NcclConnectionTest, RanksThatDoNotComeEndTheWait) {
  script.init = ncclInProgress;
  script.states = {ncclInProgress};
  EXPECT_TRUE(failedWith(connect(), "ncclCommInitRankConfig: the other ranks "
                                    "did not come within 0.1 s"));
}

TEST_F(NcclConnectionTest, ARankThatFailsEndsTheWait) {
  script.init = ncclInProgress;
  script.states = {ncclInProgress};
  auto two = LocalWorld::create(2);
  two->poison(1, Status::error("no data"));
  auto rank0 = two->communicator(0);
  NcclConnection other(scripted(), Patience(*rank0, 10s));
  script.init = ncclInProgress;
  script.states = {ncclInProgress};
  EXPECT_TRUE(failedWith(other.connect({}, 2, 0), "no data"));
}

TEST_F(NcclConnectionTest, ErrorsAreOneLineWithNcclsReason) {
  script.init = ncclInProgress;
  script.states = {ncclInProgress, ncclSystemError};
  script.lastError = "connection refused by 10.0.0.7<40123>\nstack trace";
  Status status = connect();
  EXPECT_TRUE(failedWith(status, "NCCL: ncclCommInitRankConfig: unhandled "
                                 "system error: connection refused by "
                                 "10.0.0.7<40123>"));
}

TEST_F(NcclConnectionTest, WhatFailsLaterIsSeenByPolling) {
  ASSERT_TRUE(succeeded(connect()));
  ASSERT_TRUE(succeeded(connection.allGather(nullptr, nullptr, 64, nullptr)));
  script.states = {ncclInProgress};
  EXPECT_TRUE(succeeded(connection.poll()));
  script.states = {ncclRemoteError};
  EXPECT_TRUE(failedWith(connection.poll(), "NCCL: a collective: some other"));
}

TEST_F(NcclConnectionTest, ExchangesBetweenStartAndEnd) {
  ASSERT_TRUE(succeeded(connect()));
  script.calls.clear();
  char byte;
  EXPECT_TRUE(succeeded(connection.exchange(
      {{&byte, 8, &byte, 4}, {}, {&byte, 16, nullptr, 0}}, nullptr)));
  EXPECT_EQ(script.calls, (Calls{"start", "send 8 to 0", "receive 4 from 0",
                                 "send 16 to 2", "end"}));
}

/// A group that has started has to end, and the first error counts.
TEST_F(NcclConnectionTest, GroupsEndWhateverFails) {
  ASSERT_TRUE(succeeded(connect()));
  script.calls.clear();
  script.send = ncclSystemError;
  script.groupEnd = ncclInvalidUsage;
  char byte;
  EXPECT_TRUE(failedWith(connection.exchange({{&byte, 8, &byte, 4}}, nullptr),
                         "NCCL: ncclSend: unhandled system error"));
  EXPECT_EQ(script.calls.back(), "end");
  script.send = ncclSuccess;
  EXPECT_TRUE(failedWith(connection.exchange({{&byte, 8, &byte, 4}}, nullptr),
                         "NCCL: ncclGroupEnd: some other error"));
}

TEST_F(NcclConnectionTest, AbortsOnce) {
  {
    NcclConnection other(scripted(), Patience(*control, 100ms));
    ASSERT_TRUE(succeeded(other.connect({}, 1, 0)));
    other.abort();
    other.abort();
    EXPECT_TRUE(succeeded(other.poll()));
  }
  EXPECT_EQ(std::count(script.calls.begin(), script.calls.end(), "abort"), 1);
}

} // namespace
