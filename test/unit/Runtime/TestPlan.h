//===- TestPlan.h - A small plan that has everything ------------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_TESTPLAN_H
#define FABRIC_TEST_UNIT_RUNTIME_TESTPLAN_H

#include "runtime/Plan/Plan.h"

namespace fabric::test {

/// Buffers of makeTestPlan, by name.
enum TestBuffer : plan::BufferId {
  bufW1,     ///< f32[4, 8], shard of w1 [16, 8] over {tp, dp}
  bufMoment, ///< f32[4, 8]
  bufW1Full, ///< f32[8, 8], gathered over dp
  bufX,      ///< f32[2, 8], shard of x [4, 8] over {dp}
  bufY,      ///< f32[2, 8]
  bufLoss,   ///< f32[]
  bufLr,     ///< f32[]
  bufBias,   ///< f32[8], constant
  bufTokens, ///< i64[4]
  numTestBuffers
};

/// A valid plan for a mesh of 2 x 2 with every kind of member in it.
inline plan::Plan makeTestPlan() {
  using namespace plan;
  AxisRef dp{"dp"}, tp{"tp"};
  Plan plan;
  plan.mode = Mode::Train;
  plan.target = {"cpu", "x86-64-v4", {"avx2", "fma"}};
  plan.mesh = {{{"dp", 2}, {"tp", 2}}};
  plan.options = {{"dp", "2"}, {"lr", "0.003"}, {"tp", "2"}};
  plan.fingerprint = std::string(64, 'a');
  plan.arenas = {{"persistent", 512, 64}, {"scratch", 1024, 4096}};
  plan.memory = {1536, 128, 128, 0, 64, 256};
  plan.buffers.resize(numTestBuffers);
  plan.buffers[bufW1] = {0, 0, DType::F32, {4, 8}};
  plan.buffers[bufMoment] = {0, 128, DType::F32, {4, 8}};
  plan.buffers[bufW1Full] = {1, 0, DType::F32, {8, 8}};
  plan.buffers[bufX] = {1, 256, DType::F32, {2, 8}};
  plan.buffers[bufY] = {1, 320, DType::F32, {2, 8}};
  plan.buffers[bufLoss] = {0, 256, DType::F32, {}};
  plan.buffers[bufLr] = {0, 260, DType::F32, {}};
  plan.buffers[bufBias] = {0, 320, DType::F32, {8}};
  plan.buffers[bufTokens] = {0, 384, DType::I64, {4}};

  Parameter w1;
  w1.name = "w1";
  w1.shape = {2, 8, 8};
  w1.storedShape = {16, 8};
  w1.sharding = {{{tp, dp}, {}}};
  w1.buffer = bufW1;
  w1.init = Initializer{Initializer::Kind::Uniform, -0.1, 0.1};
  plan.parameters = {w1};
  plan.states = {
      {"w1", "exp_avg", DType::F32, {16, 8}, w1.sharding, bufMoment}};
  plan.inputs = {{"x", DType::F32, {4, 8}, {{{dp}, {}}}, bufX, 0},
                 {"tokens", DType::I64, {4}, {{{}}}, bufTokens, std::nullopt}};
  plan.outputs = {{"loss", DType::F32, {}, {}, bufLoss, true},
                  {"y", DType::F32, {4, 8}, {{{dp}, {}}}, bufY, false}};
  plan.scalars = {{"lr", DType::F32, bufLr, 3e-3}};
  plan.constants = {{bufBias, 64}};

  Collective gather;
  gather.kind = Collective::Kind::AllGather;
  gather.axes = {dp};
  gather.input = bufW1;
  gather.output = bufW1Full;
  gather.concatDim = 0;
  gather.bytesSent = 128;
  gather.why = "gather w1 for use";
  Gemm gemm;
  gemm.m = 2;
  gemm.n = 8;
  gemm.k = 8;
  gemm.a = {bufX, false, 8, 0};
  gemm.b = {bufW1Full, true, 8, 0};
  gemm.c = {bufY, false, 8, 0};
  gemm.bias = bufBias;
  Launch launch{"sum_0", {bufY, bufLoss}, {bufLoss}};
  Collective reduce;
  reduce.kind = Collective::Kind::AllReduce;
  reduce.axes = {dp, {"tp", 1, 2}};
  reduce.input = reduce.output = bufLoss;
  reduce.bytesSent = 6;
  Collective scatter;
  scatter.kind = Collective::Kind::ReduceScatter;
  scatter.axes = {dp};
  scatter.input = bufW1Full;
  scatter.output = bufMoment;
  scatter.splitDim = 0;
  plan.instructions = {{gather, "model.mlir:3:8"},
                       {gemm, "model.mlir:3:8"},
                       {launch, "model.mlir:4:8"},
                       {reduce, "model.mlir:4:8"},
                       {scatter, ""},
                       {Copy{bufX, bufY}, "model.mlir:5:8"}};

  plan.sections["code"] = std::vector<std::byte>(100, std::byte{0xc3});
  plan.sections["constants"] = std::vector<std::byte>(96, std::byte{0x3f});
  return plan;
}

/// What makePeerPlan adds to makeTestPlan.
enum PeerBuffer : plan::BufferId {
  bufPeerW1 = numTestBuffers, ///< f32[4, 8], w1's shard on member 1 of {dp}
  bufOwnPiece,                ///< f32[4, 8], own piece of member 0's bufW1Full
  bufPeerY,                   ///< f32[2, 4]
};

/// The test plan, and reads of peers between barriers behind it:
///   6 barrier, 7 gemm of a peer's shard, 8 launch on an own piece, 9 barrier.
inline plan::Plan makePeerPlan() {
  using namespace plan;
  AxisRef dp{"dp"}, tp{"tp"};
  Plan plan = makeTestPlan();
  plan.needs.sharedMemory = true;
  plan.buffers.push_back({0, 0, DType::F32, {4, 8}, PeerView{{dp}, 1, false}});
  plan.buffers.push_back({1, 0, DType::F32, {4, 8}, PeerView{{dp}, 0, true}});
  plan.buffers.push_back({1, 512, DType::F32, {2, 4}});
  Gemm gemm;
  gemm.m = 2;
  gemm.n = 4;
  gemm.k = 8;
  gemm.a = {bufX, false, 8, 0};
  gemm.b = {bufPeerW1, true, 8, 0};
  gemm.c = {bufPeerY, false, 4, 0};
  Launch launch{"sum_1", {bufOwnPiece, bufLoss}, {bufLoss}};
  plan.instructions.push_back({Barrier{{dp, {"tp", 1, 2}}}, "model.mlir:6:8"});
  plan.instructions.push_back({gemm, "model.mlir:6:8"});
  plan.instructions.push_back({launch, "model.mlir:7:8"});
  plan.instructions.push_back({Barrier{{dp}}, ""});
  return plan;
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_TESTPLAN_H
