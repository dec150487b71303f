//===- PlanVerifier.cpp - What must hold in every plan --------------------===//
//
// In the order in which later checks rely on earlier ones: mesh, memory, the
// interface of the program, instructions. All arithmetic on numbers of the plan
// is checked until the bounds are known to hold.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanVerifier.h"

#include "runtime/Plan/Offers.h"
#include "runtime/Plan/PeerAccess.h"
#include "runtime/Plan/Scratch.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/StreamOrder.h"
#include "runtime/Support/CheckedMath.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

using namespace fabric;
using namespace fabric::plan;

namespace {

class Verifier {
public:
  explicit Verifier(const Plan &plan) : plan(plan) {}
  Status run() const;
  Status check(const Instruction &instruction) const {
    return std::visit([&](const auto &op) { return checkOp(op); },
                      instruction.op);
  }

private:
  Status checkHeader() const;
  Status checkArenas() const;
  Status checkScratch() const;
  Status checkBuffers() const;
  Status checkShape(const Shape &shape, DType dtype) const;
  Status checkBufferId(BufferId buffer) const;
  Status checkTensor(DType dtype, const Shape &trueShape,
                     const std::optional<Shape> &paddedShape,
                     const Sharding &sharding, BufferId buffer) const;

  Status checkParameters() const;
  Status checkStates() const;
  Status checkInputs() const;
  Status checkOutputs() const;
  Status checkScalars() const;
  Status checkConstants() const;

  Status checkOp(const Gemm &gemm) const;
  Status checkOp(const Launch &launch) const;
  Status checkOp(const Collective &collective) const;
  Status checkOp(const Copy &copy) const;
  Status checkOp(const Barrier &barrier) const;
  Status checkOp(const Record &record) const;
  Status checkOp(const Wait &wait) const;
  Status checkMatrix(const Matrix &matrix, int64_t batch, int64_t rows,
                     int64_t columns) const;

  const Buffer &buffer(BufferId id) const {
    return plan.buffers[static_cast<size_t>(id)];
  }
  int64_t elements(BufferId id) const {
    return Box::whole(buffer(id).shape).numElements();
  }

  const Plan &plan;
};

} // namespace

static bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16 ||
         dtype == DType::F64;
}

/// Collects names that must be distinct and not empty.
namespace {
class NameSet {
public:
  explicit NameSet(const char *kind) : kind(kind) {}
  Status add(const std::string &name) {
    if (name.empty())
      return Status::error(kind, ", expected a name, found an empty one");
    if (!names.insert(name).second)
      return Status::error(kind, ", expected distinct names, found '", name,
                           "' twice");
    return Status::success();
  }

private:
  const char *kind;
  std::set<std::string> names;
};
} // namespace

/// An output becomes a file of its name in a folder that the user chose, under
/// a longer name while it is written.
static Status checkFileName(const std::string &name) {
  if (name.size() > maxOutputName)
    return Status::error("name, expected at most ", maxOutputName,
                         " bytes, found ", name.size());
  for (unsigned char c : name)
    if (c == '/' || c < ' ' || c == 0x7f)
      return Status::error("name, expected no '/' and no control character, "
                           "found byte ",
                           int(c));
  return Status::success();
}

/// "kind 'name'": the context of a failure.
static std::string named(const char *kind, const std::string &name) {
  return std::string(kind) + " '" + name + "'";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Status Verifier::checkHeader() const {
  if (plan.target.kind != "cpu" && plan.target.kind != "cuda")
    return Status::error("target, expected cpu or cuda, found '",
                         plan.target.kind, "'");
  for (const std::string &feature : plan.target.features)
    if (feature.empty())
      return Status::error("target, expected named features, found an empty "
                           "name");
  bool isHex = plan.fingerprint.size() == 64 &&
               plan.fingerprint.find_first_not_of("0123456789abcdef") ==
                   std::string::npos;
  if (!isHex)
    return Status::error("fingerprint, expected 64 hexadecimal digits, found '",
                         plan.fingerprint, "'");
  for (const auto &[name, bytes] : plan.sections)
    if (name.empty())
      return Status::error("section, expected a name, found an empty one");
  return checkMesh(plan.mesh);
}

Status Verifier::checkScratch() const {
  if (!plan.scratch.empty() && plan.target.kind != "cuda")
    return Status::error("expected none on the ", plan.target.kind, ", found ",
                         plan.scratch.size(), " arenas");
  size_t streams = std::max<size_t>(plan.streams.size(), 1);
  std::set<int64_t> seenStreams, seenArenas;
  for (const auto &[stream, index] : plan.scratch) {
    if (stream < 0 || std::cmp_greater_equal(stream, streams))
      return Status::error("expected one of ", streams, " streams, found ",
                           stream);
    if (index < 0 || std::cmp_greater_equal(index, plan.arenas.size()))
      return Status::error("expected one of ", plan.arenas.size(),
                           " arenas, found ", index);
    if (!seenStreams.insert(stream).second || !seenArenas.insert(index).second)
      return Status::error("expected an arena for a stream, found stream ",
                           stream, " or arena ", index, " twice");
    if (plan.arenas[index].alignment < scratchAlignment)
      return Status::error("expected an alignment of at least ",
                           scratchAlignment, ", found ",
                           plan.arenas[index].alignment);
  }
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    if (seenArenas.count(plan.buffers[i].arena))
      return Status::error("expected no buffers in arena ",
                           plan.buffers[i].arena, ", found buffer ", i);
  if (plan.memory.scratch != scratchBytes(plan))
    return Status::error("expected ", scratchBytes(plan),
                         " bytes in the report, the sum of its arenas, found ",
                         plan.memory.scratch);
  return Status::success();
}

Status Verifier::checkArenas() const {
  NameSet names("arena");
  int64_t total = 0;
  for (const Arena &arena : plan.arenas) {
    FABRIC_RETURN_IF_ERROR(names.add(arena.name));
    std::string context = named("arena", arena.name);
    if (arena.bytes < 0 || arena.bytes > maxArenaBytes - total)
      return Status::error(context, ", expected at most ", maxArenaBytes,
                           " bytes in all arenas, found ", arena.bytes,
                           " on top of ", total);
    total += arena.bytes;
    bool isPower =
        arena.alignment > 0 && (arena.alignment & (arena.alignment - 1)) == 0;
    if (!isPower || arena.alignment > (1 << 21))
      return Status::error(context,
                           ", expected an alignment that is a power of two of "
                           "at most 2 MiB, found ",
                           arena.alignment);
  }
  FABRIC_RETURN_IF_ERROR(checkScratch().in("scratch"));
  const MemoryReport &memory = plan.memory;
  if (memory.peak != total)
    return Status::error("memory peak, expected ", total,
                         ", the sum of the arenas, found ", memory.peak);
  for (int64_t bytes : {memory.parameters, memory.optimizer, memory.gradients,
                        memory.activations, memory.communication})
    if (bytes < 0)
      return Status::error("memory, expected sizes of at least 0, found ",
                           bytes);
  return Status::success();
}

Status Verifier::checkShape(const Shape &shape, DType dtype) const {
  if (std::cmp_greater(shape.size(), maxTensorRank))
    return Status::error("shape, expected at most ", maxTensorRank,
                         " dims, found ", shape.size());
  for (int64_t size : shape)
    if (size < 1)
      return Status::error("shape, expected sizes of at least 1, found ",
                           fabric::toString(shape));
  std::optional<int64_t> count = checkedProduct(shape);
  if (!count || !checkedMul(*count, byteWidth(dtype)))
    return Status::error("shape, expected less than 2^63 bytes, found ",
                         fabric::toString(shape), " of ", toString(dtype));
  return Status::success();
}

Status Verifier::checkBuffers() const {
  for (size_t id = 0; id < plan.buffers.size(); ++id) {
    const Buffer &buffer = plan.buffers[id];
    std::string context = "buffer " + std::to_string(id);
    if (buffer.arena < 0 ||
        std::cmp_greater_equal(buffer.arena, plan.arenas.size()))
      return Status::error(context, ": arena, expected less than ",
                           plan.arenas.size(), ", found ", buffer.arena);
    FABRIC_RETURN_IF_ERROR(checkShape(buffer.shape, buffer.dtype).in(context));
    int64_t width = byteWidth(buffer.dtype);
    FABRIC_RETURN_IF_ERROR(checkPeerView(plan, buffer).in(context));
    std::optional<int64_t> bytes = windowBytes(plan, buffer);
    const Arena &arena = plan.arenas[static_cast<size_t>(buffer.arena)];
    std::optional<int64_t> end =
        bytes ? checkedAdd(buffer.offset, *bytes) : std::nullopt;
    if (buffer.offset < 0 || !end || *end > arena.bytes)
      return Status::error(context, ", expected to lie inside of arena '",
                           arena.name, "' of ", arena.bytes, " bytes, found ",
                           bytes ? std::to_string(*bytes) + " bytes"
                                 : "2^63 bytes or more",
                           " at offset ", buffer.offset);
    if (buffer.offset % width != 0)
      return Status::error(context, ": offset, expected a multiple of ", width,
                           ", found ", buffer.offset);
  }
  return Status::success();
}

Status Verifier::checkBufferId(BufferId id) const {
  if (id < 0 || std::cmp_greater_equal(id, plan.buffers.size()))
    return Status::error("buffer, expected less than ", plan.buffers.size(),
                         ", found ", id);
  return Status::success();
}

Status Verifier::checkTensor(DType dtype, const Shape &trueShape,
                             const std::optional<Shape> &paddedShape,
                             const Sharding &sharding, BufferId id) const {
  FABRIC_RETURN_IF_ERROR(checkShape(trueShape, dtype));
  const Shape &shape = paddedShape ? *paddedShape : trueShape;
  if (paddedShape) {
    FABRIC_RETURN_IF_ERROR(checkShape(shape, dtype));
    bool covers = shape.size() == trueShape.size();
    for (size_t dim = 0; covers && dim < shape.size(); ++dim)
      covers = shape[dim] >= trueShape[dim];
    if (!covers)
      return Status::error("padded shape, expected one that covers ",
                           fabric::toString(trueShape), ", found ",
                           fabric::toString(shape));
  }
  FABRIC_RETURN_IF_ERROR(checkSharding(plan.mesh, sharding, shape));
  FABRIC_RETURN_IF_ERROR(checkBufferId(id));
  Shape local = localShape(plan.mesh, sharding, shape);
  const Buffer &target = buffer(id);
  if (target.dtype != dtype || target.shape != local)
    return Status::error("buffer ", id, ", expected the shard ",
                         fabric::toString(local), " of ", toString(dtype),
                         ", found ", fabric::toString(target.shape), " of ",
                         toString(target.dtype));
  return Status::success();
}

//===----------------------------------------------------------------------===//
// The interface of the program
//===----------------------------------------------------------------------===//

Status Verifier::checkParameters() const {
  NameSet names("parameter");
  for (const Parameter &parameter : plan.parameters) {
    FABRIC_RETURN_IF_ERROR(names.add(parameter.name));
    std::string context = named("parameter", parameter.name);
    FABRIC_RETURN_IF_ERROR(checkTensor(parameter.dtype, parameter.storedShape,
                                       parameter.paddedShape,
                                       parameter.sharding, parameter.buffer)
                               .in(context));
    FABRIC_RETURN_IF_ERROR(
        checkShape(parameter.shape, parameter.dtype).in(context));
    if (*checkedProduct(parameter.shape) !=
        *checkedProduct(parameter.storedShape))
      return Status::error(context,
                           ": stored shape, expected as many elements as ",
                           fabric::toString(parameter.shape), ", found ",
                           fabric::toString(parameter.storedShape));
    if (parameter.init &&
        !(std::isfinite(parameter.init->a) && std::isfinite(parameter.init->b)))
      return Status::error(context,
                           ": initialiser, expected finite numbers, found ",
                           parameter.init->a, " and ", parameter.init->b);
  }
  return Status::success();
}

Status Verifier::checkStates() const {
  std::set<std::string> parameters;
  for (const Parameter &parameter : plan.parameters)
    parameters.insert(parameter.name);
  std::set<std::pair<std::string, std::string>> names;
  for (const State &state : plan.states) {
    std::string context =
        named("state", state.name) + " of '" + state.parameter + "'";
    if (state.name.empty())
      return Status::error(context, ", expected a name, found an empty one");
    if (!parameters.count(state.parameter))
      return Status::error(context, ", expected a parameter of the plan, found "
                                    "an unknown one");
    if (!names.emplace(state.parameter, state.name).second)
      return Status::error(context, ", expected it once, found it twice");
    FABRIC_RETURN_IF_ERROR(checkTensor(state.dtype, state.shape,
                                       state.paddedShape, state.sharding,
                                       state.buffer)
                               .in(context));
  }
  return Status::success();
}

Status Verifier::checkInputs() const {
  NameSet names("input");
  for (const Input &input : plan.inputs) {
    FABRIC_RETURN_IF_ERROR(names.add(input.name));
    std::string context = named("input", input.name);
    FABRIC_RETURN_IF_ERROR(checkTensor(input.dtype, input.shape,
                                       input.paddedShape, input.sharding,
                                       input.buffer)
                               .in(context));
    if (input.batchDim &&
        (*input.batchDim < 0 ||
         std::cmp_greater_equal(*input.batchDim, input.shape.size())))
      return Status::error(context, ": batch dim, expected a dim of ",
                           fabric::toString(input.shape), ", found ",
                           *input.batchDim);
  }
  return Status::success();
}

Status Verifier::checkOutputs() const {
  NameSet names("output");
  const Output *loss = nullptr;
  for (const Output &output : plan.outputs) {
    FABRIC_RETURN_IF_ERROR(names.add(output.name));
    FABRIC_RETURN_IF_ERROR(checkFileName(output.name).in("output"));
    std::string context = named("output", output.name);
    FABRIC_RETURN_IF_ERROR(checkTensor(output.dtype, output.shape,
                                       output.paddedShape, output.sharding,
                                       output.buffer)
                               .in(context));
    if (!output.isLoss)
      continue;
    if (loss)
      return Status::error(context, ", expected one loss, found another in '",
                           loss->name, "'");
    if (!output.shape.empty() || !isFloat(output.dtype))
      return Status::error(
          context, ": loss, expected a float without dims, found ",
          fabric::toString(output.shape), " of ", toString(output.dtype));
    loss = &output;
  }
  return Status::success();
}

Status Verifier::checkScalars() const {
  NameSet names("scalar");
  for (const Scalar &scalar : plan.scalars) {
    FABRIC_RETURN_IF_ERROR(names.add(scalar.name));
    std::string context = named("scalar", scalar.name);
    FABRIC_RETURN_IF_ERROR(checkBufferId(scalar.buffer).in(context));
    const Buffer &target = buffer(scalar.buffer);
    if (target.dtype != scalar.dtype || elements(scalar.buffer) != 1)
      return Status::error(context, ": buffer ", scalar.buffer,
                           ", expected one ", toString(scalar.dtype),
                           ", found ", fabric::toString(target.shape), " of ",
                           toString(target.dtype));
    if (!std::isfinite(scalar.defaultValue))
      return Status::error(context, ": default, expected a finite number, ",
                           "found ", scalar.defaultValue);
  }
  return Status::success();
}

Status Verifier::checkConstants() const {
  auto section = plan.sections.find("constants");
  int64_t available = section == plan.sections.end()
                          ? 0
                          : static_cast<int64_t>(section->second.size());
  for (size_t i = 0; i < plan.constants.size(); ++i) {
    const Constant &constant = plan.constants[i];
    std::string context = "constant " + std::to_string(i);
    FABRIC_RETURN_IF_ERROR(checkBufferId(constant.buffer).in(context));
    int64_t bytes =
        elements(constant.buffer) * byteWidth(buffer(constant.buffer).dtype);
    std::optional<int64_t> end = checkedAdd(constant.sectionOffset, bytes);
    if (constant.sectionOffset < 0 || !end || *end > available)
      return Status::error(context,
                           ", expected to lie inside of section "
                           "'constants' of ",
                           available, " bytes, found ", bytes,
                           " bytes at offset ", constant.sectionOffset);
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// `rows` x `columns` is the matrix as it is used: transposed if it is.
Status Verifier::checkMatrix(const Matrix &matrix, int64_t batch, int64_t rows,
                             int64_t columns) const {
  FABRIC_RETURN_IF_ERROR(checkBufferId(matrix.buffer));
  if (matrix.transposed)
    std::swap(rows, columns);
  if (matrix.leading < columns)
    return Status::error("leading dimension, expected at least ", columns,
                         ", found ", matrix.leading);
  if (matrix.batchStride < 0)
    return Status::error("batch stride, expected at least 0, found ",
                         matrix.batchStride);
  int64_t available = elements(matrix.buffer);
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

Status Verifier::checkOp(const Gemm &gemm) const {
  if (gemm.batch < 1 || gemm.m < 1 || gemm.n < 1 || gemm.k < 1)
    return Status::error("gemm, expected sizes of at least 1, found batch ",
                         gemm.batch, ", m ", gemm.m, ", n ", gemm.n, ", k ",
                         gemm.k);
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(gemm.a, gemm.batch, gemm.m, gemm.k).in("gemm a"));
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(gemm.b, gemm.batch, gemm.k, gemm.n).in("gemm b"));
  FABRIC_RETURN_IF_ERROR(
      checkMatrix(gemm.c, gemm.batch, gemm.m, gemm.n).in("gemm c"));
  if (gemm.c.transposed)
    return Status::error("gemm c, expected it as it is, found it transposed");
  if (gemm.batch > 1 && gemm.c.batchStride == 0)
    return Status::error("gemm c: batch stride, expected distinct results, "
                         "found 0");
  DType a = buffer(gemm.a.buffer).dtype, b = buffer(gemm.b.buffer).dtype,
        c = buffer(gemm.c.buffer).dtype;
  if (a != b || !isFloat(a) || !isFloat(c))
    return Status::error("gemm, expected floats, a and b of one dtype, found ",
                         toString(a), " x ", toString(b), " -> ", toString(c));
  ProductFacts product{a, c, {}, gemm.tf32};
  product.largest = std::max({gemm.batch, gemm.m, gemm.n, gemm.k,
                              gemm.a.leading, gemm.b.leading, gemm.c.leading});
  if (!gemm.bias)
    return checkProduct(plan.target.kind, product).in("gemm");
  FABRIC_RETURN_IF_ERROR(checkBufferId(*gemm.bias).in("gemm bias"));
  const Buffer &bias = buffer(*gemm.bias);
  if (elements(*gemm.bias) != gemm.n || !isFloat(bias.dtype))
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

Status Verifier::checkOp(const Launch &launch) const {
  if (launch.symbol.empty())
    return Status::error("launch, expected a symbol, found an empty one");
  std::string context = named("launch", launch.symbol);
  auto code = plan.sections.find("code");
  if (code == plan.sections.end() || code->second.empty())
    return Status::error(context, ", expected a section 'code', found none");
  for (BufferId id : launch.buffers)
    FABRIC_RETURN_IF_ERROR(checkBufferId(id).in(context));
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

Status Verifier::checkOp(const Collective &collective) const {
  using Kind = Collective::Kind;
  Kind kind = collective.kind;
  std::string context(nameOf(kind));
  if (collective.axes.empty())
    return Status::error(context, ", expected at least one axis, found none");
  FABRIC_RETURN_IF_ERROR(checkAxes(plan.mesh, collective.axes).in(context));
  FABRIC_RETURN_IF_ERROR(
      checkBufferId(collective.input).in(context + " input"));
  FABRIC_RETURN_IF_ERROR(
      checkBufferId(collective.output).in(context + " output"));
  if (collective.bytesSent < 0)
    return Status::error(context, ": bytes sent, expected at least 0, found ",
                         collective.bytesSent);

  const Buffer &input = buffer(collective.input);
  const Buffer &output = buffer(collective.output);
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

Status Verifier::checkOp(const Copy &copy) const {
  FABRIC_RETURN_IF_ERROR(checkBufferId(copy.input).in("copy input"));
  FABRIC_RETURN_IF_ERROR(checkBufferId(copy.output).in("copy output"));
  const Buffer &input = buffer(copy.input), &output = buffer(copy.output);
  if (input.dtype != output.dtype ||
      elements(copy.input) != elements(copy.output))
    return Status::error("copy: output, expected as many elements as ",
                         fabric::toString(input.shape), " of ",
                         toString(input.dtype), ", found ",
                         fabric::toString(output.shape), " of ",
                         toString(output.dtype));
  return Status::success();
}

Status Verifier::checkOp(const Barrier &barrier) const {
  if (barrier.axes.empty())
    return Status::error("barrier, expected at least one axis, found none");
  return checkAxes(plan.mesh, barrier.axes).in("barrier");
}

/// What else there is to know of events is their order: checkStreams().
Status Verifier::checkOp(const Record &) const { return Status::success(); }
Status Verifier::checkOp(const Wait &) const { return Status::success(); }

Status Verifier::run() const {
  FABRIC_RETURN_IF_ERROR(checkHeader());
  FABRIC_RETURN_IF_ERROR(checkArenas());
  FABRIC_RETURN_IF_ERROR(checkBuffers());
  FABRIC_RETURN_IF_ERROR(checkParameters());
  FABRIC_RETURN_IF_ERROR(checkStates());
  FABRIC_RETURN_IF_ERROR(checkInputs());
  FABRIC_RETURN_IF_ERROR(checkOutputs());
  FABRIC_RETURN_IF_ERROR(checkScalars());
  FABRIC_RETURN_IF_ERROR(checkConstants());
  for (size_t i = 0; i < plan.instructions.size(); ++i) {
    Status status = check(plan.instructions[i]);
    FABRIC_RETURN_IF_ERROR(status.in("instruction " + std::to_string(i)));
  }
  FABRIC_RETURN_IF_ERROR(checkPeerAccess(plan));
  return checkStreams(plan);
}

Status plan::verifyPlan(const Plan &plan) { return Verifier(plan).run(); }

Status plan::verifyInstruction(const Plan &plan,
                               const Instruction &instruction) {
  return Verifier(plan).check(instruction);
}
