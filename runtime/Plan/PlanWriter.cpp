//===- PlanWriter.cpp - A plan to the bytes of compiled.bin ---------------===//
//
// README.md has the format. Keys keep the order in which they are written here,
// numbers are printed by nlohmann/json (doubles in the shortest form that reads
// back the same), so that equal plans are equal bytes.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanWriter.h"

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Support/CheckedMath.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Sha256.h"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace fabric;
using namespace fabric::plan;
using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

// In the namespace of the structs, so that listOf finds them.
namespace fabric::plan {

template <typename Range> static Json listOf(const Range &range) {
  Json list = Json::array();
  for (const auto &element : range)
    list.push_back(toJson(element));
  return list;
}

static Json toJson(const AxisRef &axis) {
  Json object = {{"axis", axis.axis}};
  if (axis.size != 0) {
    object["pre_size"] = axis.preSize;
    object["size"] = axis.size;
  }
  return object;
}

static Json toJson(const std::vector<AxisRef> &axes) { return listOf(axes); }

static Json toJson(const Sharding &sharding) { return listOf(sharding.dims); }

static Json toJson(const MeshAxis &axis) {
  return {{"name", axis.name}, {"size", axis.size}};
}

static Json toJson(const Arena &arena) {
  return {{"name", arena.name},
          {"bytes", arena.bytes},
          {"alignment", arena.alignment}};
}

static Json toJson(const PeerView &peer) {
  return {{"axes", toJson(peer.axes)},
          {"member", peer.member},
          {"own_piece", peer.ownPiece}};
}

static Json toJson(const Buffer &buffer) {
  Json object = {{"arena", buffer.arena},
                 {"offset", buffer.offset},
                 {"dtype", toString(buffer.dtype)},
                 {"shape", buffer.shape}};
  if (buffer.peer)
    object["peer"] = toJson(*buffer.peer);
  return object;
}

/// What parameters, states, inputs and outputs may have.
static Json withPadding(Json object, const std::optional<Shape> &paddedShape) {
  if (paddedShape)
    object["padded_shape"] = *paddedShape;
  return object;
}

static Json toJson(const Parameter &parameter) {
  Json object = {{"name", parameter.name},
                 {"dtype", toString(parameter.dtype)},
                 {"shape", parameter.shape},
                 {"stored_shape", parameter.storedShape},
                 {"sharding", toJson(parameter.sharding)},
                 {"buffer", parameter.buffer}};
  if (parameter.init)
    object["init"] = {{"kind", manifest::nameOf(manifest::initializers,
                                                parameter.init->kind)},
                      {"a", parameter.init->a},
                      {"b", parameter.init->b}};
  object["trainable"] = parameter.trainable;
  return withPadding(std::move(object), parameter.paddedShape);
}

static Json toJson(const State &state) {
  return withPadding({{"parameter", state.parameter},
                      {"name", state.name},
                      {"dtype", toString(state.dtype)},
                      {"shape", state.shape},
                      {"sharding", toJson(state.sharding)},
                      {"buffer", state.buffer}},
                     state.paddedShape);
}

static Json toJson(const Input &input) {
  Json object = {{"name", input.name},
                 {"dtype", toString(input.dtype)},
                 {"shape", input.shape},
                 {"sharding", toJson(input.sharding)},
                 {"buffer", input.buffer}};
  if (input.batchDim)
    object["batch_dim"] = *input.batchDim;
  return withPadding(std::move(object), input.paddedShape);
}

static Json toJson(const Output &output) {
  return withPadding({{"name", output.name},
                      {"dtype", toString(output.dtype)},
                      {"shape", output.shape},
                      {"sharding", toJson(output.sharding)},
                      {"buffer", output.buffer},
                      {"loss", output.isLoss}},
                     output.paddedShape);
}

static Json toJson(const Scalar &scalar) {
  return {{"name", scalar.name},
          {"dtype", toString(scalar.dtype)},
          {"buffer", scalar.buffer},
          {"default", scalar.defaultValue}};
}

static Json toJson(const Constant &constant) {
  return {{"buffer", constant.buffer}, {"offset", constant.sectionOffset}};
}

static Json toJson(const Matrix &matrix) {
  return {{"buffer", matrix.buffer},
          {"transposed", matrix.transposed},
          {"leading", matrix.leading},
          {"batch_stride", matrix.batchStride}};
}

static Json toJson(const Gemm &gemm) {
  Json object = {{"op", "gemm"},        {"batch", gemm.batch},
                 {"m", gemm.m},         {"n", gemm.n},
                 {"k", gemm.k},         {"a", toJson(gemm.a)},
                 {"b", toJson(gemm.b)}, {"c", toJson(gemm.c)}};
  if (gemm.bias)
    object["bias"] = *gemm.bias;
  object["accumulate"] = gemm.accumulate;
  if (gemm.tf32)
    object["tf32"] = true;
  return object;
}

static Json toJson(const Launch &launch) {
  Json object = {{"op", "launch"},
                 {"symbol", launch.symbol},
                 {"buffers", launch.buffers},
                 {"written", launch.written}};
  if (launch.grid)
    object["grid"] = {{"blocks", launch.grid->blocks},
                      {"threads", launch.grid->threads},
                      {"shared_bytes", launch.grid->sharedBytes}};
  return object;
}

static Json toJson(const Collective &collective) {
  Json object = {
      {"op", "collective"},
      {"kind", manifest::nameOf(manifest::collectives, collective.kind)},
      {"axes", toJson(collective.axes)},
      {"input", collective.input},
      {"output", collective.output}};
  if (collective.concatDim)
    object["concat_dim"] = *collective.concatDim;
  if (collective.splitDim)
    object["split_dim"] = *collective.splitDim;
  object["reduction"] =
      manifest::nameOf(manifest::reductions, collective.reduction);
  object["bytes_sent"] = collective.bytesSent;
  object["why"] = collective.why;
  return object;
}

static Json toJson(const Copy &copy) {
  return {{"op", "copy"}, {"input", copy.input}, {"output", copy.output}};
}

static Json toJson(const Barrier &barrier) {
  return {{"op", "barrier"}, {"axes", toJson(barrier.axes)}};
}

static Json toJson(const Record &record) {
  return {{"op", "record"}, {"event", record.event}};
}

static Json toJson(const Wait &wait) {
  return {{"op", "wait"}, {"event", wait.event}};
}

static Json toJson(const Instruction &instruction) {
  Json object =
      std::visit([](const auto &op) { return toJson(op); }, instruction.op);
  if (instruction.stream != 0)
    object["stream"] = instruction.stream;
  object["loc"] = instruction.loc;
  return object;
}

static Json toJson(const StreamScratch &scratch) {
  return {{"stream", scratch.stream}, {"arena", scratch.arena}};
}

static Json toJson(const MemoryReport &memory) {
  Json object = {{"peak", memory.peak},
                 {"parameters", memory.parameters},
                 {"optimizer", memory.optimizer},
                 {"gradients", memory.gradients},
                 {"activations", memory.activations},
                 {"communication", memory.communication}};
  if (memory.scratch != 0)
    object["scratch"] = memory.scratch;
  return object;
}

static Json toJson(const Plan &plan) {
  Json sections = Json::array();
  int64_t offset = 0;
  for (const auto &[name, bytes] : plan.sections) {
    offset = *checkedAlign(offset, manifest::sectionAlignment);
    sections.push_back(
        {{"name", name}, {"offset", offset}, {"bytes", bytes.size()}});
    offset += static_cast<int64_t>(bytes.size());
  }
  Json object = {{"mode", manifest::nameOf(manifest::modes, plan.mode)},
                 {"target",
                  {{"kind", plan.target.kind},
                   {"arch", plan.target.arch},
                   {"features", plan.target.features}}},
                 {"mesh", listOf(plan.mesh.axes)},
                 {"options", plan.options},
                 {"fingerprint", plan.fingerprint}};
  if (plan.needs.sharedMemory)
    object["needs"] = {{"shared_memory", true}};
  object.update(
      Json{{"memory", toJson(plan.memory)}, {"arenas", listOf(plan.arenas)}});
  if (!plan.scratch.empty())
    object["scratch"] = listOf(plan.scratch);
  object.update(Json{{"buffers", listOf(plan.buffers)},
                     {"parameters", listOf(plan.parameters)},
                     {"states", listOf(plan.states)},
                     {"inputs", listOf(plan.inputs)},
                     {"outputs", listOf(plan.outputs)},
                     {"scalars", listOf(plan.scalars)},
                     {"constants", listOf(plan.constants)}});
  if (!plan.streams.empty())
    object["streams"] = plan.streams;
  object.update(Json{{"instructions", listOf(plan.instructions)},
                     {"sections", sections}});
  return object;
}

} // namespace fabric::plan

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

namespace {
/// Bytes that grow; numbers are little endian on every host.
class ByteWriter {
public:
  void append(const void *data, size_t size) {
    const auto *first = static_cast<const std::byte *>(data);
    bytes.insert(bytes.end(), first, first + size);
  }
  void appendInteger(uint64_t value, int width) {
    for (int i = 0; i < width; ++i)
      bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void padTo(size_t alignment) {
    while (bytes.size() % alignment != 0)
      bytes.push_back(std::byte{0});
  }
  std::vector<std::byte> bytes;
};
} // namespace

Expected<std::vector<std::byte>> plan::writePlan(const Plan &plan) {
  FABRIC_RETURN_IF_ERROR(verifyPlan(plan));
  std::string text;
  try {
    text = toJson(plan).dump();
  } catch (const std::exception &) { // A string that is not UTF-8.
    return Status::error("plan, expected names in UTF-8, found others");
  }
  ByteWriter writer;
  writer.append(manifest::magic.data(), manifest::magic.size());
  writer.appendInteger(manifest::version, 4);
  writer.appendInteger(0, 4);
  writer.appendInteger(text.size(), 8);
  writer.append(text.data(), text.size());
  for (const auto &[name, bytes] : plan.sections) {
    writer.padTo(manifest::sectionAlignment);
    writer.append(bytes.data(), bytes.size());
  }
  FABRIC_ASSIGN_OR_RETURN(Sha256Digest digest, sha256(writer.bytes));
  writer.append(digest.data(), digest.size());
  return std::move(writer.bytes);
}

Status plan::writePlanFile(const Plan &plan, const std::string &path) {
  Expected<std::vector<std::byte>> bytes = writePlan(plan);
  if (bytes.failed())
    return bytes.status().in(path);
  return writeFileAtomically(path, *bytes);
}
