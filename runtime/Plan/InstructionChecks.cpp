//===- InstructionChecks.cpp - Every instruction by itself ----------------===//
//
// Which of them may run side by side is not asked here: PeerAccess.h and
// StreamOrder.h.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/Offers.h"
#include "runtime/Plan/PlanChecks.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"
#include "runtime/Support/CheckedMath.h"

#include <algorithm>
#include <array>
#include <utility>

using namespace fabric;
using namespace fabric::plan;

/// `rows` x `columns` is the matrix as it is used: transposed if it is.
static Status checkMatrix(const Plan &plan, const Matrix &matrix, int64_t batch,
                          int64_t rows, int64_t columns) {
  FABRIC_RETURN_IF_ERROR(checkBufferId(plan, matrix.buffer));
  if (matrix.transposed)
    std::swap(rows, columns);
  if (matrix.leading < columns)
    return Status::error("leading dimension, expected at least ", columns,
                         ", found ", matrix.leading);
  if (matrix.batchStride < 0)
    return Status::error("batch stride, expected at least 0, found ",
                         matrix.batchStride);
  int64_t available = elementsOf(bufferOf(plan, matrix.buffer));
  std::optional<int64_t> batches = checkedMul(batch - 1, matrix.batchStride);
  std::optional<int64_t> extent = checkedMul(rows - 1, matrix.leading);
  if (extent)
    extent = checkedAdd(*extent, columns);
  if (extent && batches)
    extent = checkedAdd(*extent, *batches);
  if (!batches || !extent || *extent > available)
    return Status::error("matrix, expected at most ", available,
                         " elements in buffer ", matrix.buffer, ", found ",
                         batch, " x ", rows, " x ", columns,
                         " with leading dimension ", matrix.leading,
                         " and batch stride ", matrix.batchStride);
  return Status::success();
}

static Status checkOp(const Plan &plan, const Gemm &gemm) {
  if (gemm.batch < 1 || gemm.m < 1 || gemm.n < 1 || gemm.k < 1)
    return Status::error("gemm, expected sizes of at least 1, found batch ",
                         gemm.batch, ", m ", gemm.m, ", n ", gemm.n, ", k ",
                         gemm.k);
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(plan, gemm.a, gemm.batch, gemm.m, gemm.k).in("gemm a"));
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(plan, gemm.b, gemm.batch, gemm.k, gemm.n).in("gemm b"));
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(plan, gemm.c, gemm.batch, gemm.m, gemm.n).in("gemm c"));
  if (gemm.c.transposed)
    return Status::error("gemm c, expected it as it is, found it transposed");
  if (gemm.batch > 1 && gemm.c.batchStride == 0)
    return Status::error("gemm c: batch stride, expected distinct results, "
                         "found 0");
  DType a = bufferOf(plan, gemm.a.buffer).dtype,
        b = bufferOf(plan, gemm.b.buffer).dtype,
        c = bufferOf(plan, gemm.c.buffer).dtype;
  if (a != b || !isFloat(a) || !isFloat(c))
    return Status::error("gemm, expected floats, a and b of one dtype, found ",
                         toString(a), " x ", toString(b), " -> ", toString(c));
  ProductFacts product{a, c, {}, gemm.tf32};
  product.largest = std::max({gemm.batch, gemm.m, gemm.n, gemm.k,
                              gemm.a.leading, gemm.b.leading, gemm.c.leading});
  if (!gemm.bias)
    return checkProduct(plan.target.kind, product).in("gemm");
  FABRIC_RETURN_IF_ERROR(checkBufferId(plan, *gemm.bias).in("gemm bias"));
  const Buffer &bias = bufferOf(plan, *gemm.bias);
  if (elementsOf(bufferOf(plan, *gemm.bias)) != gemm.n || !isFloat(bias.dtype))
    return Status::error("gemm bias, expected ", gemm.n, " floats, found ",
                         fabric::toString(bias.shape), " of ",
                         toString(bias.dtype));
  product.bias = bias.dtype;
  return checkProduct(plan.target.kind, product).in("gemm");
}

/// The limits of every CUDA device; those of one are checked where it is.
static Status checkGrid(const Grid &grid) {
  constexpr std::array<int64_t, 3> mostBlocks = {(int64_t(1) << 31) - 1, 65535,
                                                 65535};
  constexpr std::array<int64_t, 3> mostThreads = {1024, 1024, 64};
  constexpr int64_t mostThreadsOfBlock = 1024, mostShared = 1 << 20;
  for (int i = 0; i < 3; ++i) {
    if (grid.blocks[i] < 1 || grid.blocks[i] > mostBlocks[i])
      return Status::error("grid, dim ", i, ": expected 1 to ", mostBlocks[i],
                           " blocks, found ", grid.blocks[i]);
    if (grid.threads[i] < 1 || grid.threads[i] > mostThreads[i])
      return Status::error("grid, dim ", i, ": expected 1 to ", mostThreads[i],
                           " threads, found ", grid.threads[i]);
  }
  int64_t threads = grid.threads[0] * grid.threads[1] * grid.threads[2];
  if (threads > mostThreadsOfBlock)
    return Status::error("grid, expected at most ", mostThreadsOfBlock,
                         " threads of a block, found ", threads);
  if (grid.sharedBytes < 0 || grid.sharedBytes > mostShared)
    return Status::error("grid, expected 0 to ", mostShared,
                         " bytes of shared memory, found ", grid.sharedBytes);
  return Status::success();
}

static Status checkOp(const Plan &plan, const Launch &launch) {
  if (launch.symbol.empty())
    return Status::error("launch, expected a symbol, found an empty one");
  std::string context = named("launch", launch.symbol);
  auto code = plan.sections.find("code");
  if (code == plan.sections.end() || code->second.empty())
    return Status::error(context, ", expected a section 'code', found none");
  for (BufferId id : launch.buffers)
    FABRIC_RETURN_IF_ERROR(checkBufferId(plan, id).in(context));
  for (BufferId id : launch.written)
    if (std::find(launch.buffers.begin(), launch.buffers.end(), id) ==
        launch.buffers.end())
      return Status::error(context,
                           ": written, expected only buffers of the launch, "
                           "found ",
                           id);
  int64_t most = offersOf(plan.target.kind).mostKernelArgs;
  if (std::cmp_greater(launch.buffers.size(), most))
    return Status::error(context, ", expected at most ", most, " buffers on ",
                         plan.target.kind, ", found ", launch.buffers.size());
  if (launch.grid.has_value() != (plan.target.kind == "cuda"))
    return Status::error(context, ", expected ",
                         launch.grid ? "no grid" : "a grid", " on ",
                         plan.target.kind);
  return launch.grid ? checkGrid(*launch.grid).in(context) : Status::success();
}

static Status checkOp(const Plan &plan, const Collective &collective) {
  using Kind = Collective::Kind;
  Kind kind = collective.kind;
  std::string context(nameOf(kind));
  if (collective.axes.empty())
    return Status::error(context, ", expected at least one axis, found none");
  FABRIC_RETURN_IF_ERROR(checkAxes(plan.mesh, collective.axes).in(context));
  FABRIC_RETURN_IF_ERROR(
      checkBufferId(plan, collective.input).in(context + " input"));
  FABRIC_RETURN_IF_ERROR(
      checkBufferId(plan, collective.output).in(context + " output"));
  if (collective.bytesSent < 0)
    return Status::error(context, ": bytes sent, expected at least 0, found ",
                         collective.bytesSent);

  const Buffer &input = bufferOf(plan, collective.input);
  const Buffer &output = bufferOf(plan, collective.output);
  auto checkDim = [&](const char *what, const std::optional<int64_t> &dim,
                      bool needed) {
    if (dim.has_value() != needed)
      return Status::error(context, ": ", what, ", expected ",
                           needed ? "one" : "none", ", found ",
                           needed ? "none" : "one");
    if (dim && (*dim < 0 || std::cmp_greater_equal(*dim, input.shape.size())))
      return Status::error(context, ": ", what, ", expected a dim of ",
                           fabric::toString(input.shape), ", found ", *dim);
    return Status::success();
  };
  bool concatenates = kind == Kind::AllGather || kind == Kind::AllToAll;
  bool splits = kind == Kind::ReduceScatter || kind == Kind::AllToAll ||
                kind == Kind::AllSlice;
  FABRIC_RETURN_IF_ERROR(
      checkDim("concat dim", collective.concatDim, concatenates));
  FABRIC_RETURN_IF_ERROR(checkDim("split dim", collective.splitDim, splits));

  int64_t group = axesSize(plan.mesh, collective.axes);
  Shape expected = input.shape;
  if (splits) {
    int64_t &size = expected[static_cast<size_t>(*collective.splitDim)];
    if (size % group != 0)
      return Status::error(context, ": split dim ", *collective.splitDim,
                           ", expected a multiple of the group's ", group,
                           " ranks, found ", size);
    size /= group;
  }
  if (concatenates) {
    int64_t &size = expected[static_cast<size_t>(*collective.concatDim)];
    std::optional<int64_t> whole = checkedMul(size, group);
    if (!whole)
      return Status::error(context, ": concat dim ", *collective.concatDim,
                           ", expected less than 2^63 elements, found ", size,
                           " x ", group);
    size = *whole;
  }
  if (output.shape != expected || output.dtype != input.dtype)
    return Status::error(
        context, ": output, expected ", fabric::toString(expected), " of ",
        toString(input.dtype), " over ", group, " ranks, found ",
        fabric::toString(output.shape), " of ", toString(output.dtype));
  bool reduces = kind == Kind::ReduceScatter || kind == Kind::AllReduce;
  if (reduces && input.dtype == DType::Bool)
    return Status::error(context, ", expected numbers, found bool");
  int64_t most = offersOf(plan.target.kind).mostReduced;
  if (reduces && group > most)
    return Status::error(context, ", expected at most ", most, " ranks on ",
                         plan.target.kind, ", found ", group);
  return Status::success();
}

static Status checkOp(const Plan &plan, const Copy &copy) {
  FABRIC_RETURN_IF_ERROR(checkBufferId(plan, copy.input).in("copy input"));
  FABRIC_RETURN_IF_ERROR(checkBufferId(plan, copy.output).in("copy output"));
  const Buffer &input = bufferOf(plan, copy.input),
               &output = bufferOf(plan, copy.output);
  if (input.dtype != output.dtype ||
      elementsOf(bufferOf(plan, copy.input)) !=
          elementsOf(bufferOf(plan, copy.output)))
    return Status::error("copy: output, expected as many elements as ",
                         fabric::toString(input.shape), " of ",
                         toString(input.dtype), ", found ",
                         fabric::toString(output.shape), " of ",
                         toString(output.dtype));
  return Status::success();
}

static Status checkOp(const Plan &plan, const Barrier &barrier) {
  if (barrier.axes.empty())
    return Status::error("barrier, expected at least one axis, found none");
  return checkAxes(plan.mesh, barrier.axes).in("barrier");
}

/// What else there is to know of events is their order: checkStreams().
static Status checkOp(const Plan &, const Record &) {
  return Status::success();
}
static Status checkOp(const Plan &, const Wait &) { return Status::success(); }

Status plan::verifyInstruction(const Plan &plan,
                               const Instruction &instruction) {
  return std::visit([&](const auto &op) { return checkOp(plan, op); },
                    instruction.op);
}

Status plan::checkInstructions(const Plan &plan) {
  for (size_t i = 0; i < plan.instructions.size(); ++i)
    FABRIC_RETURN_IF_ERROR(verifyInstruction(plan, plan.instructions[i])
                               .in("instruction " + std::to_string(i)));
  return Status::success();
}
