//===- HandmadePlan.h - Plans that tests write out by hand ------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_HANDMADEPLAN_H
#define FABRIC_TEST_UNIT_RUNTIME_HANDMADEPLAN_H

#include "runtime/Plan/Plan.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/File.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace fabric::test {

/// Builds a plan in which every buffer has its own place in one arena.
class HandmadePlan {
public:
  explicit HandmadePlan(std::vector<plan::MeshAxis> axes) {
    plan.mesh.axes = std::move(axes);
    plan.fingerprint = std::string(64, '0');
    plan.arenas = {{"all", 0, 64}};
  }

  plan::BufferId buffer(plan::DType dtype, plan::Shape shape) {
    plan::Buffer buffer{0, plan.arenas[0].bytes, dtype, shape};
    int64_t bytes = plan::byteWidth(dtype);
    for (int64_t size : shape)
      bytes *= size;
    plan.arenas[0].bytes += (bytes + 63) / 64 * 64;
    plan.memory.peak = plan.arenas[0].bytes;
    plan.buffers.push_back(buffer);
    return static_cast<plan::BufferId>(plan.buffers.size()) - 1;
  }

  plan::BufferId parameter(const std::string &name, plan::DType dtype,
                           plan::Shape shape, plan::Sharding sharding,
                           std::optional<plan::Initializer> init = {}) {
    plan::BufferId id =
        buffer(dtype, plan::localShape(plan.mesh, sharding, shape));
    plan.parameters.push_back(
        {name, dtype, shape, shape, sharding, id, init, true});
    return id;
  }

  plan::BufferId input(const std::string &name, plan::DType dtype,
                       plan::Shape shape, plan::Sharding sharding) {
    plan::BufferId id =
        buffer(dtype, plan::localShape(plan.mesh, sharding, shape));
    plan.inputs.push_back({name, dtype, shape, sharding, id, 0});
    return id;
  }

  void output(const std::string &name, plan::BufferId id, plan::Shape shape,
              plan::Sharding sharding, bool isLoss = false) {
    plan.outputs.push_back(
        {name, plan.buffers[id].dtype, shape, sharding, id, isLoss});
  }

  plan::BufferId scalar(const std::string &name, plan::DType dtype,
                        double value) {
    plan::BufferId id = buffer(dtype, {});
    plan.scalars.push_back({name, dtype, id, value});
    return id;
  }

  /// c = a op(b), all dense; `b` is stored n x k if it is transposed.
  void gemm(plan::BufferId a, bool aTransposed, plan::BufferId b,
            bool bTransposed, plan::BufferId c) {
    plan::Gemm gemm;
    const plan::Shape &aShape = plan.buffers[a].shape;
    const plan::Shape &cShape = plan.buffers[c].shape;
    gemm.m = cShape[0];
    gemm.n = cShape[1];
    gemm.k = aTransposed ? aShape[0] : aShape[1];
    gemm.a = {a, aTransposed, aShape[1], 0};
    gemm.b = {b, bTransposed, plan.buffers[b].shape[1], 0};
    gemm.c = {c, false, cShape[1], 0};
    add(gemm);
  }

  void launch(const std::string &symbol, std::vector<plan::BufferId> buffers,
              std::vector<plan::BufferId> written) {
    add(plan::Launch{symbol, buffers, written});
  }

  void collective(plan::Collective::Kind kind, std::vector<plan::AxisRef> axes,
                  plan::BufferId input, plan::BufferId output,
                  std::optional<int64_t> concatDim,
                  std::optional<int64_t> splitDim) {
    plan::Collective collective;
    collective.kind = kind;
    collective.axes = std::move(axes);
    collective.input = input;
    collective.output = output;
    collective.concatDim = concatDim;
    collective.splitDim = splitDim;
    add(collective);
  }

  template <typename Op> void add(Op op) {
    plan.instructions.push_back(
        {op,
         "model.mlir:" + std::to_string(plan.instructions.size() + 1) + ":1"});
  }

  /// Takes section "code" from a shared object.
  void code(const std::string &path) {
    auto bytes = readFile(path);
    ASSERT_TRUE(bytes.ok()) << bytes.message();
    plan.sections["code"] = std::move(*bytes);
  }

  plan::Plan plan;
};

using Kind = plan::Collective::Kind;
inline const plan::AxisRef dp{"dp"}, tp{"tp"};

/// y = x w^T on dp x tp ranks: w is gathered over dp, y over tp.
inline HandmadePlan makeLinearPlan(int64_t dpSize, int64_t tpSize,
                                   plan::DType dtype = plan::DType::F32) {
  using plan::Shape;
  HandmadePlan made({{"dp", dpSize}, {"tp", tpSize}});
  int64_t batch = 24, in = 6, out = 24;
  plan::Initializer init{plan::Initializer::Kind::Uniform, -0.5, 0.5};
  auto x = made.input("x", dtype, {batch, in}, {{{dp}, {}}});
  auto w = made.parameter("w", dtype, {out, in}, {{{tp, dp}, {}}}, init);
  auto full = made.buffer(dtype, {out / tpSize, in});
  auto part = made.buffer(dtype, {batch / dpSize, out / tpSize});
  auto y = made.buffer(dtype, {batch / dpSize, out});
  made.collective(Kind::AllGather, {dp}, w, full, 0, {});
  made.gemm(x, false, full, true, part);
  made.collective(Kind::AllGather, {tp}, part, y, 1, {});
  made.output("y", y, {batch, out}, {{{dp}, {}}});
  return made;
}

/// Descends sum(y^2), y = x w^T, by w -= lr / step * gradient, in f64 on dp = 2
/// and any tp: gather, product, kernel, all-reduce, product, reduce-scatter.
inline HandmadePlan makeTrainPlan(const std::string &kernels,
                                  int64_t tpSize = 2) {
  HandmadePlan made({{"dp", 2}, {"tp", tpSize}});
  plan::DType f64 = plan::DType::F64;
  made.plan.mode = plan::Mode::Train;
  made.code(kernels);
  plan::Initializer init{plan::Initializer::Kind::Normal, 0.0, 0.5};
  auto x = made.input("x", f64, {8, 4}, {{{dp}, {}}});
  auto w = made.parameter("w", f64, {4, 4}, {{{dp}, {}}}, init);
  auto full = made.buffer(f64, {4, 4}), y = made.buffer(f64, {4, 4});
  auto loss = made.buffer(f64, {}), gy = made.buffer(f64, {4, 4});
  auto gw = made.buffer(f64, {4, 4}), gwShard = made.buffer(f64, {2, 4});
  auto lr = made.scalar("lr", f64, 0.01), step = made.scalar("step", f64, 0);
  made.collective(Kind::AllGather, {dp}, w, full, 0, {});
  made.gemm(x, false, full, true, y);
  made.launch("square_loss16", {y, loss, gy}, {loss, gy});
  made.collective(Kind::AllReduce, {dp}, loss, loss, {}, {});
  made.gemm(gy, true, x, false, gw);
  made.collective(Kind::ReduceScatter, {dp}, gw, gwShard, {}, 0);
  made.launch("descend8", {w, gwShard, lr, step}, {w});
  made.output("loss", loss, {}, {}, true);
  return made;
}

/// makeTrainPlan's computation on ranks that share memory: products read the
/// shards of w where they lie, the kernel both halves of the gradient.
inline HandmadePlan makeSharedTrainPlan(const std::string &kernels,
                                        int64_t tpSize = 2) {
  HandmadePlan made({{"dp", 2}, {"tp", tpSize}});
  plan::DType f64 = plan::DType::F64;
  made.plan.mode = plan::Mode::Train;
  made.plan.needs.sharedMemory = true;
  made.code(kernels);
  plan::Initializer init{plan::Initializer::Kind::Normal, 0.0, 0.5};
  auto x = made.input("x", f64, {8, 4}, {{{dp}, {}}});
  auto w = made.parameter("w", f64, {4, 4}, {{{dp}, {}}}, init);
  auto y = made.buffer(f64, {4, 4});
  auto loss = made.buffer(f64, {}), gy = made.buffer(f64, {4, 4});
  auto gw = made.buffer(f64, {4, 4});
  auto lr = made.scalar("lr", f64, 0.01), step = made.scalar("step", f64, 0);
  auto view = [&](plan::BufferId of, plan::Shape shape, int64_t member,
                  bool ownPiece) {
    plan::Buffer buffer = made.plan.buffers[of];
    buffer.shape = shape;
    buffer.peer = plan::PeerView{{dp}, member, ownPiece};
    made.plan.buffers.push_back(buffer);
    return static_cast<plan::BufferId>(made.plan.buffers.size()) - 1;
  };
  made.add(plan::Barrier{{dp}});
  for (int64_t member : {0, 1}) {
    // Columns 2 member and 2 member + 1 of y.
    plan::Buffer block = made.plan.buffers[y];
    block.offset += member * 2 * plan::byteWidth(f64);
    block.shape = {14};
    made.plan.buffers.push_back(block);
    plan::Gemm gemm;
    gemm.m = 4;
    gemm.n = 2;
    gemm.k = 4;
    gemm.c = {static_cast<plan::BufferId>(made.plan.buffers.size()) - 1, false,
              4, 0};
    gemm.a = {x, false, 4, 0};
    gemm.b = {view(w, {2, 4}, member, false), true, 4, 0};
    made.add(gemm);
  }
  made.launch("square_loss16", {y, loss, gy}, {loss, gy});
  made.gemm(gy, true, x, false, gw);
  made.add(plan::Barrier{{dp, tp}});
  made.launch(
      "descend_sum8",
      {w, view(gw, {2, 4}, 0, true), view(gw, {2, 4}, 1, true), lr, step}, {w});
  // Also what keeps the next step's gradient from this one's readers.
  made.collective(Kind::AllReduce, {dp}, loss, loss, {}, {});
  made.output("loss", loss, {}, {}, true);
  return made;
}

/// w -= lr / step * 2 (the sum of the ranks' x), by kernels alone: each rank's
/// kernel reads its piece of both ranks' gradients.
inline HandmadePlan makeSharedKernelsPlan(const std::string &kernels) {
  HandmadePlan made({{"dp", 2}, {"tp", 2}});
  plan::DType f64 = plan::DType::F64;
  made.plan.mode = plan::Mode::Train;
  made.plan.needs.sharedMemory = true;
  made.code(kernels);
  plan::Initializer init{plan::Initializer::Kind::Constant, 0.0, 0.0};
  auto x = made.input("x", f64, {8, 4}, {{{dp}, {}}});
  auto w = made.parameter("w", f64, {4, 4}, {{{dp}, {}}}, init);
  auto loss = made.buffer(f64, {}), g = made.buffer(f64, {4, 4});
  auto lr = made.scalar("lr", f64, 0.5), step = made.scalar("step", f64, 0);
  for (int64_t member : {0, 1}) {
    plan::Buffer piece = made.plan.buffers[g];
    piece.shape = {2, 4};
    piece.peer = plan::PeerView{{dp}, member, true};
    made.plan.buffers.push_back(piece);
  }
  auto last = static_cast<plan::BufferId>(made.plan.buffers.size()) - 1;
  made.launch("square_loss16", {x, loss, g}, {loss, g});
  made.add(plan::Barrier{{dp}});
  made.launch("descend_sum8", {w, last - 1, last, lr, step}, {w});
  made.add(plan::Barrier{{dp}});
  return made;
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_HANDMADEPLAN_H
