//===- PlanVerifierTest.cpp - Every rule of a plan, broken once -----------===//

#include "ChangedPlan.h"
#include "TestPlan.h"

#include "runtime/Plan/PlanVerifier.h"

#include <cmath>
#include <functional>
#include <limits>

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;

/// The verdict on the test plan after `change`.
static Status verifyChanged(const std::function<void(Plan &)> &change) {
  Plan plan = makeTestPlan();
  change(plan);
  return verifyPlan(plan);
}

TEST(PlanVerifier, AcceptsTheTestPlan) { EXPECT_ACCEPTED((void)p); }

TEST(PlanVerifier, Header) {
  EXPECT_REFUSED(p.target.kind = "tpu", "target, expected cpu or cuda, found "
                                        "'tpu'");
  EXPECT_REFUSED(p.target.features.push_back(""), "expected named features");
  EXPECT_REFUSED(p.fingerprint.pop_back(), "fingerprint, expected 64 hexa");
  EXPECT_REFUSED(p.fingerprint[3] = 'A', "fingerprint, expected 64 hexa");
  EXPECT_REFUSED(p.sections[""], "section, expected a name");
  EXPECT_REFUSED(p.mesh.axes.clear(), "mesh, expected at least one axis");
  EXPECT_REFUSED(p.mesh.axes[1].name = "dp", "distinct axes, found \"dp\"");
  EXPECT_REFUSED(p.mesh.axes[1].size = -2, "mesh axis \"tp\"");
}

TEST(PlanVerifier, Arenas) {
  EXPECT_REFUSED(p.arenas[1].name = "persistent",
                 "arena, expected distinct names, found 'persistent' twice");
  EXPECT_REFUSED(p.arenas[1].name = "", "arena, expected a name");
  EXPECT_REFUSED(p.arenas[0].bytes = -1,
                 "arena 'persistent', expected at most");
  EXPECT_REFUSED(p.arenas[0].bytes = maxArenaBytes,
                 "arena 'scratch', expected at most 281474976710656 bytes");
  EXPECT_REFUSED(p.arenas[0].bytes = INT64_MAX, "arena 'persistent'");
  EXPECT_REFUSED(p.arenas[0].alignment = 48, "power of two");
  EXPECT_REFUSED(p.arenas[0].alignment = 0, "power of two");
  EXPECT_REFUSED(p.arenas[0].alignment = 1 << 22, "power of two");
  EXPECT_REFUSED(p.arenas[0].alignment = INT64_MIN, "power of two");
  EXPECT_REFUSED(p.memory.peak = 1535,
                 "memory peak, expected 1536, the sum of the arenas, found "
                 "1535");
  EXPECT_REFUSED(p.memory.gradients = -1, "memory, expected sizes of at least");
}

TEST(PlanVerifier, Scratch) {
  auto refused = [](StreamScratch scratch, int64_t alignment,
                    const char *message) {
    return failedWith(verifyChanged([&](Plan &p) {
                        p.target.kind = "cuda";
                        p.arenas.push_back({"one", 4096, alignment});
                        p.scratch = {scratch};
                      }),
                      message);
  };
  EXPECT_REFUSED(p.scratch.push_back({0, 1}),
                 "scratch: expected none on the cpu, found 1 arenas");
  EXPECT_TRUE(
      refused({1, 2}, 256, "scratch: expected one of 1 streams, found 1"));
  EXPECT_TRUE(refused({-1, 2}, 256, "scratch: expected one of 1 streams"));
  EXPECT_TRUE(
      refused({0, 3}, 256, "scratch: expected one of 3 arenas, found 3"));
  EXPECT_TRUE(refused({0, -1}, 256, "scratch: expected one of 3 arenas"));
  EXPECT_TRUE(refused({0, 2}, 128,
                      "scratch: expected an alignment of at least 256, found "
                      "128"));
  EXPECT_TRUE(refused({0, 1}, 256,
                      "scratch: expected no buffers in arena 1, found buffer "
                      "2"));
  EXPECT_TRUE(refused({0, 2}, 256,
                      "scratch: expected 4096 bytes in the report, the sum of "
                      "its arenas, found 0"));
  EXPECT_REFUSED(p.target.kind = "cuda"; p.arenas.push_back({"one", 0, 256});
                 p.scratch = (std::vector<StreamScratch>{{0, 2}, {0, 2}}),
                 "scratch: expected an arena for a stream, found stream 0 or "
                 "arena 2 twice");
}

TEST(PlanVerifier, Buffers) {
  EXPECT_REFUSED(p.buffers[1].arena = 2,
                 "buffer 1: arena, expected less than 2, found 2");
  EXPECT_REFUSED(p.buffers[1].arena = -1, "buffer 1: arena");
  EXPECT_REFUSED(p.buffers[bufW1Full].offset = 772,
                 "buffer 2, expected to lie inside of arena 'scratch' of 1024 "
                 "bytes, found 256 bytes at offset 772");
  EXPECT_REFUSED(p.buffers[2].offset = -4, "buffer 2, expected to lie inside");
  EXPECT_REFUSED(p.buffers[2].offset = INT64_MAX, "buffer 2, expected to lie");
  EXPECT_REFUSED(p.buffers[2].offset = 2, "buffer 2: offset, expected a "
                                          "multiple of 4, found 2");
  EXPECT_REFUSED(p.buffers[0].shape = (Shape{4, 0}),
                 "buffer 0: shape, expected sizes "
                 "of at least 1, found [4, 0]");
  EXPECT_REFUSED(p.buffers[0].shape = Shape(17, 1),
                 "buffer 0: shape, expected at most 16 dims, found 17");
  EXPECT_REFUSED(p.buffers[0].shape = Shape(3, int64_t(1) << 31),
                 "buffer 0: shape, expected less than 2^63 bytes");
  EXPECT_REFUSED((p.buffers[0].shape = {int64_t(1) << 61}),
                 "buffer 0: shape, expected less than 2^63 bytes");
}

TEST(PlanVerifier, Parameters) {
  EXPECT_REFUSED(p.parameters.push_back(p.parameters[0]),
                 "parameter, expected distinct names, found 'w1' twice");
  EXPECT_REFUSED(p.parameters[0].name = "", "parameter, expected a name");
  EXPECT_REFUSED(p.parameters[0].buffer = 9,
                 "parameter 'w1': buffer, expected less than 9, found 9");
  EXPECT_REFUSED(p.parameters[0].buffer = bufX,
                 "parameter 'w1': buffer 3, expected the shard [4, 8] of f32, "
                 "found [2, 8] of f32");
  EXPECT_REFUSED(p.parameters[0].dtype = DType::I32,
                 "expected the shard [4, 8] of i32");
  EXPECT_REFUSED(p.parameters[0].shape = (Shape{2, 8, 9}),
                 "parameter 'w1': stored shape, expected as many elements as "
                 "[2, 8, 9], found [16, 8]");
  EXPECT_REFUSED((p.parameters[0].shape = {INT64_MAX, 3}), "less than 2^63");
  EXPECT_REFUSED((p.parameters[0].storedShape = {6, 8}),
                 "parameter 'w1': sharding, expected dim 0 of shape [6, 8] to "
                 "be divisible by 4");
  EXPECT_REFUSED(p.parameters[0].sharding.dims.pop_back(),
                 "parameter 'w1': sharding, expected 2 dims");
  EXPECT_REFUSED(p.parameters[0].sharding.dims[1].push_back({"ep"}),
                 "parameter 'w1': axis, expected one of mesh");
  EXPECT_REFUSED(p.parameters[0].sharding.dims[1].push_back({"tp"}),
                 "parameter 'w1': axes, expected every part of an axis once");
  EXPECT_REFUSED(p.parameters[0].init->b =
                     std::numeric_limits<double>::infinity(),
                 "parameter 'w1': initialiser, expected finite numbers");
  EXPECT_ACCEPTED(p.parameters[0].init.reset());
}

TEST(PlanVerifier, PaddedShapes) {
  EXPECT_ACCEPTED(p.parameters[0].shape = p.parameters[0].storedShape =
                      (Shape{14, 7});
                  p.parameters[0].paddedShape = (Shape{16, 8}));
  EXPECT_REFUSED((p.parameters[0].paddedShape = Shape{16, 4}),
                 "parameter 'w1': padded shape, expected one that covers "
                 "[16, 8], found [16, 4]");
  EXPECT_REFUSED((p.parameters[0].paddedShape = Shape{16, 8, 1}),
                 "parameter 'w1': padded shape, expected one that covers");
  EXPECT_REFUSED((p.parameters[0].paddedShape = Shape{18, 8}),
                 "parameter 'w1': sharding, expected dim 0 of shape [18, 8]");
  EXPECT_REFUSED((p.parameters[0].paddedShape = Shape{INT64_MAX, 8}),
                 "less than 2^63");
  EXPECT_REFUSED((p.inputs[0].paddedShape = Shape{8, 8}),
                 "input 'x': buffer 3, expected the shard [4, 8] of f32");
  EXPECT_ACCEPTED(p.outputs[1].shape = (Shape{3, 5});
                  p.outputs[1].paddedShape = (Shape{4, 8}));
}

TEST(PlanVerifier, States) {
  EXPECT_REFUSED(p.states[0].parameter = "w9",
                 "state 'exp_avg' of 'w9', expected a parameter of the plan");
  EXPECT_REFUSED(p.states[0].name = "", "state '' of 'w1', expected a name");
  EXPECT_REFUSED(p.states.push_back(p.states[0]),
                 "state 'exp_avg' of 'w1', expected it once");
  EXPECT_REFUSED(p.states[0].buffer = bufLoss,
                 "state 'exp_avg' of 'w1': buffer 5, expected the shard");
}

// `--output-dir=DIR` writes DIR/<name>.npy: no name leads out of DIR.
TEST(PlanVerifier, NamesOfFiles) {
  for (const char *name : {"../x", "/abs", "a/b", "..\\/x", "a\nb", "\x7f"}) {
    Plan plan = makeTestPlan();
    plan.outputs[1].name = name;
    EXPECT_TRUE(
        failedWith(verifyPlan(plan),
                   "output: name, expected no '/' and no control character"))
        << name;
  }
  EXPECT_REFUSED(p.outputs[1].name = std::string("a\0b", 3),
                 "output: name, expected no '/' and no control character");
  EXPECT_REFUSED(p.outputs[1].name = "", "output, expected a name");
  EXPECT_REFUSED(p.outputs[1].name = std::string(201, 'y'),
                 "output: name, expected at most 200 bytes, found 201");
  EXPECT_ACCEPTED(p.outputs[1].name = std::string(200, 'y'));
  // "...npy" and "C:\\x.npy" are files of the folder.
  EXPECT_ACCEPTED(p.outputs[1].name = "..");
  EXPECT_ACCEPTED(p.outputs[1].name = "C:\\x");
}

TEST(PlanVerifier, InputsAndOutputs) {
  EXPECT_REFUSED(p.inputs[1].name = "x",
                 "input, expected distinct names, found 'x' twice");
  EXPECT_REFUSED(p.inputs[0].batchDim = 2,
                 "input 'x': batch dim, expected a dim of [4, 8], found 2");
  EXPECT_REFUSED(p.inputs[0].batchDim = -1, "input 'x': batch dim");
  EXPECT_REFUSED(p.inputs[0].buffer = -1, "input 'x': buffer, expected less");
  EXPECT_REFUSED(p.inputs[1].dtype = DType::I32,
                 "input 'tokens': buffer 8, expected the shard [4] of i32");
  EXPECT_REFUSED(p.outputs[1].name = "loss", "output, expected distinct names");
  EXPECT_REFUSED(p.outputs[1].isLoss = true,
                 "output 'y', expected one loss, found another in 'loss'");
  EXPECT_REFUSED(p.outputs[0].isLoss = false;
                 p.outputs[1].isLoss = true,
                 "output 'y': loss, expected a float without dims");
}

TEST(PlanVerifier, ScalarsAndConstants) {
  EXPECT_REFUSED(p.scalars.push_back(p.scalars[0]), "'lr' twice");
  EXPECT_REFUSED(p.scalars[0].buffer = 100, "scalar 'lr': buffer, expected");
  EXPECT_REFUSED(p.scalars[0].buffer = bufW1,
                 "scalar 'lr': buffer 0, expected one f32, found [4, 8] of "
                 "f32");
  EXPECT_REFUSED(p.scalars[0].dtype = DType::F64, "expected one f64");
  EXPECT_REFUSED(p.scalars[0].defaultValue = std::nan(""),
                 "scalar 'lr': default, expected a finite number");
  EXPECT_REFUSED(p.constants[0].buffer = 9, "constant 0: buffer");
  EXPECT_REFUSED(p.constants[0].sectionOffset = 65,
                 "constant 0, expected to lie inside of section 'constants' of "
                 "96 bytes, found 32 bytes at offset 65");
  EXPECT_REFUSED(p.constants[0].sectionOffset = -1, "constant 0, expected to");
  EXPECT_REFUSED(p.constants[0].sectionOffset = INT64_MAX, "constant 0");
  EXPECT_REFUSED(p.sections.erase("constants"), "of 0 bytes");
}

TEST(PlanVerifier, Gemms) {
  auto gemm = [](Plan &p) -> Gemm & { return opOf<Gemm>(p, 1); };
  auto refused = [&](auto change, const char *message) {
    return failedWith(verifyChanged([&](Plan &p) { change(gemm(p)); }),
                      message);
  };
  EXPECT_TRUE(refused([](Gemm &g) { g.k = 0; },
                      "instruction 1: gemm, expected sizes of at least 1, "
                      "found batch 1, m 2, n 8, k 0"));
  EXPECT_TRUE(refused([](Gemm &g) { g.m = -2; }, "sizes of at least 1"));
  EXPECT_TRUE(refused([](Gemm &g) { g.tf32 = true; },
                      "gemm: expected TF32 for products of f32 on cuda, found "
                      "it for f32 on cpu"));
  EXPECT_TRUE(refused([](Gemm &g) { g.batch = 0; }, "sizes of at least 1"));
  EXPECT_TRUE(refused([](Gemm &g) { g.m = 3; },
                      "instruction 1: gemm a: matrix, expected at most 16 "
                      "elements in buffer 3, found 1 x 3 x 8"));
  EXPECT_TRUE(refused([](Gemm &g) { g.k = 9; },
                      "gemm a: leading dimension, expected at least 9, found "
                      "8"));
  EXPECT_TRUE(refused([](Gemm &g) { g.n = 9; },
                      "gemm b: matrix, expected at most 64 elements"));
  EXPECT_TRUE(refused([](Gemm &g) { g.a.buffer = 9; }, "gemm a: buffer"));
  EXPECT_TRUE(refused([](Gemm &g) { g.b.buffer = -1; }, "gemm b: buffer"));
  EXPECT_TRUE(refused([](Gemm &g) { g.c.buffer = bufLoss; },
                      "gemm c: matrix, expected at most 1 elements"));
  EXPECT_TRUE(
      refused([](Gemm &g) { g.a.leading = INT64_MAX; }, "gemm a: matrix"));
  EXPECT_TRUE(
      refused([](Gemm &g) { g.a.leading = -8; }, "gemm a: leading dimension"));
  EXPECT_TRUE(refused([](Gemm &g) { g.a.batchStride = -1; },
                      "gemm a: batch stride, expected at least 0"));
  EXPECT_TRUE(refused(
      [](Gemm &g) {
        g.batch = INT64_MAX;
        g.a.batchStride = 3;
      },
      "gemm a: matrix"));
  EXPECT_TRUE(refused([](Gemm &g) { g.batch = 2; },
                      "gemm c: batch stride, expected distinct results"));
  EXPECT_TRUE(refused(
      [](Gemm &g) {
        g.m = 8;
        g.n = 2;
        g.a = {bufW1Full, false, 8, 0};
        g.c = {bufY, true, 8, 0};
      },
      "gemm c, expected it as it is, found it transposed"));
  EXPECT_TRUE(refused([](Gemm &g) { g.bias = bufX; },
                      "gemm bias, expected 8 floats, found [2, 8] of f32"));
  EXPECT_TRUE(refused([](Gemm &g) { g.bias = 9; }, "gemm bias: buffer"));
  EXPECT_REFUSED(p.buffers[bufTokens] = (Buffer{0, 384, DType::F64, {1}});
                 p.inputs.pop_back(); opOf<Gemm>(p, 1).a.buffer = bufTokens;
                 opOf<Gemm>(p, 1).m = 1;
                 opOf<Gemm>(p, 1).k = 1,
                 "gemm, expected floats, a and b of one dtype, found f64 x f32 "
                 "-> f32");
  // A batch that shares its weight.
  EXPECT_ACCEPTED(Gemm &g = opOf<Gemm>(p, 1); g.batch = 2; g.m = 1;
                  g.a.batchStride = 8; g.c.batchStride = 8);
}

/// What the target's libraries do not do; OffersTest.cpp has their table.
TEST(PlanVerifier, WhatTargetsDoNotOffer) {
  EXPECT_REFUSED(p.buffers[bufBias].dtype = DType::BF16;
                 p.constants[0].sectionOffset = 0,
                 "instruction 1: gemm: no product of f32 x f32 -> f32 with a "
                 "bias of bf16 on cpu");
  auto onCuda = [](const std::function<void(Plan &)> &change) {
    return verifyChanged([&](Plan &p) {
      p.target.kind = "cuda";
      opOf<Launch>(p, 2).grid = Grid();
      change(p);
    });
  };
  EXPECT_TRUE(succeeded(onCuda(
      [](Plan &p) { opOf<Launch>(p, 2).buffers.resize(512, bufLoss); })));
  EXPECT_TRUE(failedWith(
      onCuda([](Plan &p) { opOf<Launch>(p, 2).buffers.resize(513, bufLoss); }),
      "launch 'sum_0', expected at most 512 buffers on "
      "cuda, found 513"));
  auto reduceOver = [](int64_t ranks) {
    return [=](Plan &p) {
      p.mesh.axes.push_back({"pp", ranks});
      opOf<Collective>(p, 3).axes = {{"pp"}};
    };
  };
  EXPECT_TRUE(succeeded(onCuda(reduceOver(256))));
  EXPECT_TRUE(failedWith(onCuda(reduceOver(257)),
                         "instruction 3: all_reduce, expected at most 256 "
                         "ranks on cuda, found 257"));
  EXPECT_TRUE(succeeded(verifyChanged(reduceOver(257))));
}

TEST(PlanVerifier, Grids) {
  EXPECT_REFUSED(opOf<Launch>(p, 2).grid = Grid(),
                 "launch 'sum_0', expected no grid on cpu");
  EXPECT_REFUSED(p.target.kind = "cuda",
                 "launch 'sum_0', expected a grid on cuda");
  auto withGrid = [](const Grid &grid) {
    return verifyChanged([&](Plan &p) {
      p.target.kind = "cuda";
      opOf<Launch>(p, 2).grid = grid;
    });
  };
  EXPECT_TRUE(succeeded(withGrid({{INT32_MAX, 65535, 65535}, {16, 1, 64}, 0})));
  EXPECT_TRUE(failedWith(withGrid({{1, 0, 1}, {1, 1, 1}, 0}),
                         "launch 'sum_0': grid, dim 1: expected 1 to 65535 "
                         "blocks, found 0"));
  EXPECT_TRUE(failedWith(withGrid({{1LL << 31, 1, 1}, {1, 1, 1}, 0}),
                         "found 2147483648"));
  EXPECT_TRUE(failedWith(withGrid({{1, 1, 1}, {1, 1, 65}, 0}),
                         "grid, dim 2: expected 1 to 64 threads, found 65"));
  EXPECT_TRUE(failedWith(withGrid({{1, 1, 1}, {512, 4, 1}, 0}),
                         "at most 1024 threads of a block, found 2048"));
  EXPECT_TRUE(failedWith(withGrid({{1, 1, 1}, {1, 1, 1}, -1}),
                         "bytes of shared memory, found -1"));
}

TEST(PlanVerifier, Launches) {
  EXPECT_REFUSED(opOf<Launch>(p, 2).symbol = "",
                 "instruction 2: launch, expected a symbol");
  EXPECT_REFUSED(opOf<Launch>(p, 2).buffers[0] = 9,
                 "instruction 2: launch 'sum_0': buffer, expected less than 9");
  EXPECT_REFUSED(opOf<Launch>(p, 2).written.push_back(bufX),
                 "launch 'sum_0': written, expected only buffers of the "
                 "launch, found 3");
  EXPECT_REFUSED(p.sections.erase("code"), "expected a section 'code'");
  EXPECT_REFUSED(p.sections["code"].clear(), "expected a section 'code'");
}

TEST(PlanVerifier, Collectives) {
  EXPECT_REFUSED(opOf<Collective>(p, 0).axes.clear(),
                 "instruction 0: all_gather, expected at least one axis");
  EXPECT_REFUSED(opOf<Collective>(p, 0).axes[0].axis = "ep",
                 "instruction 0: all_gather: axis, expected one of mesh");
  EXPECT_REFUSED(opOf<Collective>(p, 0).axes.push_back({"dp"}),
                 "every part of an axis once");
  EXPECT_REFUSED(opOf<Collective>(p, 0).input = 9, "all_gather input: buffer");
  EXPECT_REFUSED(opOf<Collective>(p, 0).output = -1,
                 "all_gather output: buffer");
  EXPECT_REFUSED(opOf<Collective>(p, 0).bytesSent = -1, "bytes sent");
  EXPECT_REFUSED(opOf<Collective>(p, 0).concatDim.reset(),
                 "all_gather: concat dim, expected one, found none");
  EXPECT_REFUSED(opOf<Collective>(p, 0).concatDim = 2,
                 "all_gather: concat dim, expected a dim of [4, 8], found 2");
  EXPECT_REFUSED(opOf<Collective>(p, 0).concatDim = -1, "concat dim");
  EXPECT_REFUSED(opOf<Collective>(p, 0).splitDim = 0,
                 "all_gather: split dim, expected none, found one");
  EXPECT_REFUSED(opOf<Collective>(p, 0).concatDim = 1,
                 "all_gather: output, expected [4, 16] of f32 over 2 ranks, "
                 "found [8, 8] of f32");
  EXPECT_REFUSED(opOf<Collective>(p, 0).axes.push_back({"tp"}),
                 "expected [16, 8] of f32 over 4 ranks");
  EXPECT_REFUSED(opOf<Collective>(p, 3).output = bufX,
                 "all_reduce: output, expected [] of f32");
  EXPECT_REFUSED(opOf<Collective>(p, 4).splitDim = 1,
                 "reduce_scatter: output, expected [8, 4] of f32");
  EXPECT_REFUSED(opOf<Collective>(p, 4).splitDim.reset(),
                 "reduce_scatter: split dim, expected one");
  EXPECT_REFUSED(opOf<Collective>(p, 4).input = bufLoss,
                 "reduce_scatter: split dim, expected a dim of []");
  EXPECT_REFUSED(p.mesh.axes =
                     (std::vector<MeshAxis>{{"dp", 2}, {"tp", 2}, {"pp", 3}});
                 opOf<Collective>(p, 4).axes[0].axis = "pp",
                 "reduce_scatter: split dim 0, expected a multiple of the "
                 "group's 3 ranks, found 8");
  EXPECT_REFUSED(p.buffers[bufTokens].dtype = DType::Bool; p.inputs.pop_back();
                 Collective &c = opOf<Collective>(p, 3);
                 c.input = c.output = bufTokens,
                 "all_reduce, expected numbers, found bool");
}

TEST(PlanVerifier, AllToAllAndAllSlice) {
  auto change = [](Collective::Kind kind, BufferId output) {
    return [=](Plan &p) {
      Collective &c = opOf<Collective>(p, 4);
      c.kind = kind;
      c.splitDim = 0;
      if (kind == Collective::Kind::AllToAll)
        c.concatDim = 1;
      c.output = output;
    };
  };
  EXPECT_TRUE(
      succeeded(verifyChanged(change(Collective::Kind::AllSlice, bufMoment))));
  EXPECT_TRUE(
      failedWith(verifyChanged(change(Collective::Kind::AllSlice, bufW1Full)),
                 "all_slice: output, expected [4, 8] of f32"));
  EXPECT_TRUE(
      failedWith(verifyChanged(change(Collective::Kind::AllToAll, bufMoment)),
                 "all_to_all: output, expected [4, 16] of f32"));
  EXPECT_TRUE(succeeded(verifyChanged([&](Plan &p) {
    p.buffers[bufY] = {1, 512, DType::F32, {4, 16}};
    p.outputs.pop_back();
    p.instructions.erase(p.instructions.begin() + 5);
    p.instructions.erase(p.instructions.begin() + 1);
    Collective &c = opOf<Collective>(p, 3);
    c.kind = Collective::Kind::AllToAll;
    c.concatDim = 1;
    c.output = bufY;
  })));
}

TEST(PlanVerifier, Copies) {
  EXPECT_REFUSED(opOf<Copy>(p, 5).input = 9, "instruction 5: copy input");
  EXPECT_REFUSED(opOf<Copy>(p, 5).output = 9, "instruction 5: copy output");
  EXPECT_REFUSED(opOf<Copy>(p, 5).output = bufLoss,
                 "copy: output, expected as many elements as [2, 8] of f32, "
                 "found [] of f32");
}
