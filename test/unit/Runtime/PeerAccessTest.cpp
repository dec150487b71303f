//===- PeerAccessTest.cpp - Every rule of peer views, broken once ---------===//

#include "ChangedPlan.h"
#include "TestPlan.h"

#include "runtime/Plan/PlanVerifier.h"

#include <functional>

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;

static Status verifyChanged(const std::function<void(Plan &)> &change) {
  Plan plan = makePeerPlan();
  change(plan);
  return verifyPlan(plan);
}

static void insert(Plan &plan, size_t at, Instruction instruction) {
  plan.instructions.insert(plan.instructions.begin() + at, instruction);
}
static void drop(Plan &plan, size_t at) {
  plan.instructions.erase(plan.instructions.begin() + at);
}

TEST(PeerAccess, AcceptsThePeerPlan) { EXPECT_ACCEPTED((void)p); }

TEST(PeerAccess, Views) {
  EXPECT_REFUSED(p.needs.sharedMemory = false,
                 "buffer 9: peer, expected a plan that needs shared memory");
  EXPECT_REFUSED(p.buffers[bufPeerW1].peer->axes.clear(),
                 "buffer 9: peer, expected at least one axis, found none");
  EXPECT_REFUSED(p.buffers[bufPeerW1].peer->axes[0].axis = "ep",
                 "buffer 9: peer: axis, expected one of mesh");
  EXPECT_REFUSED(p.buffers[bufPeerW1].peer->member = 2,
                 "buffer 9: peer: member, expected less than the group's 2 "
                 "ranks over {\"dp\"}, found 2");
  EXPECT_REFUSED(p.buffers[bufPeerW1].peer->member = -1, "peer: member");
  EXPECT_REFUSED(p.buffers[bufOwnPiece].offset = 832,
                 "buffer 10, expected to lie inside of arena 'scratch' of 1024 "
                 "bytes, found 256 bytes at offset 832");
  EXPECT_ACCEPTED(p.buffers[bufOwnPiece].offset = 768);
  EXPECT_REFUSED(p.buffers[bufOwnPiece].shape = (Shape{int64_t(1) << 60}),
                 "buffer 10, expected to lie inside of arena 'scratch' of 1024 "
                 "bytes, found 2^63 bytes or more at offset 0");
}

TEST(PeerAccess, OnlyProductsAndKernelsRead) {
  EXPECT_REFUSED(p.parameters[0].buffer = bufPeerW1,
                 "parameter: buffer 9, expected one of the own rank");
  EXPECT_REFUSED(p.states[0].buffer = bufPeerW1, "state: buffer 9");
  EXPECT_REFUSED(p.buffers[bufX].peer = (PeerView{{{"dp"}}, 0, false}),
                 "input: buffer 3, expected one of the own rank");
  EXPECT_REFUSED(p.buffers[bufBias].peer = (PeerView{{{"dp"}}, 0, false}),
                 "constant: buffer 7");
  EXPECT_REFUSED(p.buffers[bufPeerY].peer = (PeerView{{{"dp"}}, 0, false}),
                 "instruction 7: buffer 11, expected one of the own rank to "
                 "write, found one of a peer");
  EXPECT_REFUSED(opOf<Launch>(p, 8).written = {bufOwnPiece},
                 "instruction 8: buffer 10, expected one of the own rank");
  EXPECT_REFUSED(opOf<Collective>(p, 0).input = bufPeerW1,
                 "instruction 0: buffer 9, expected products and kernels only "
                 "to read a peer's");
  EXPECT_REFUSED(opOf<Copy>(p, 5).output = bufPeerW1;
                 opOf<Copy>(p, 5).input = bufW1,
                 "instruction 5: buffer 9, expected one of the own rank");
}

TEST(PeerAccess, Barriers) {
  EXPECT_REFUSED(opOf<Barrier>(p, 6).axes.clear(),
                 "instruction 6: barrier, expected at least one axis");
  EXPECT_REFUSED(opOf<Barrier>(p, 6).axes[0].axis = "ep",
                 "instruction 6: barrier: axis, expected one of mesh");
  // Without the first, the scatter before orders, but writes no later than
  // that: it is bufW1Full's reader only.
  EXPECT_ACCEPTED(drop(p, 6));
  EXPECT_REFUSED(drop(p, 9), "instruction 7: expected a barrier over "
                             "{\"dp\"} after it reads of a peer, found none");
  EXPECT_REFUSED(opOf<Barrier>(p, 9).axes = {{"tp"}},
                 "over {\"dp\"} after it reads of a peer");
  EXPECT_REFUSED(
      p.instructions.erase(p.instructions.begin(), p.instructions.begin() + 7),
      "instruction 0: expected a barrier over {\"dp\"} before it "
      "reads of a peer, found none");
}

TEST(PeerAccess, NobodyWritesWhatPeersRead) {
  // Written before it is read, and no barrier between.
  EXPECT_REFUSED(insert(p, 7, {Copy{bufMoment, bufW1}, ""}),
                 "instruction 7: expected a barrier over {\"dp\"} between what "
                 "it writes and what instruction 8 reads of peers, found none");
  EXPECT_ACCEPTED(insert(p, 6, {Copy{bufMoment, bufW1}, ""}));
  // Overwritten before all have read.
  EXPECT_REFUSED(insert(p, 8, {Copy{bufMoment, bufW1}, ""}),
                 "instruction 8: expected a barrier over {\"dp\"} between what "
                 "it writes and what instruction 7 reads of peers, found none");
  EXPECT_ACCEPTED(insert(p, 10, {Copy{bufMoment, bufW1}, ""}));
  // Of own pieces the whole is read, by one peer or another.
  EXPECT_REFUSED(p.buffers[bufPeerY].offset = 192,
                 "instruction 7: expected a barrier over {\"dp\"} between what "
                 "it writes and what instruction 8 reads of peers");
  // In one instruction.
  EXPECT_REFUSED(opOf<Launch>(p, 8).buffers.push_back(bufW1Full);
                 opOf<Launch>(p, 8).written = {bufW1Full},
                 "instruction 8: expected a barrier over {\"dp\"} between what "
                 "it writes and what instruction 8 reads of peers");
  // A collective writes after the ranks have met in it.
  EXPECT_REFUSED(drop(p, 6);
                 opOf<Collective>(p, 4).output = bufW1,
                 "instruction 4: expected a barrier over {\"dp\"} between what "
                 "it writes and what instruction 6 reads of peers");
  // all_slice and a barrier over other axes do not order.
  EXPECT_REFUSED(opOf<Collective>(p, 4).kind = Collective::Kind::AllSlice;
                 opOf<Collective>(p, 4).output = bufW1;
                 opOf<Barrier>(p, 6).axes = {{"tp"}},
                 "instruction 4: expected a barrier over {\"dp\"}");
}
