//===- FuzzPlan.cpp - A whole plan file, edited inside of its seal --------===//
//
// The mutator takes the file apart, edits the manifest as JSON or the sections
// as bytes, and seals it again, so that edits reach the verifier. A plan that
// is accepted has to hold what its users rely on: it prints, every rank's
// shards and groups can be computed, and it can be written and read again.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanReader.h"
#include "runtime/Plan/PlanWriter.h"
#include "runtime/Plan/Sharding.h"
#include "test/fuzz/Mutations.h"
#include "test/fuzz/PlanEnvelope.h"

#include <cstdlib>
#include <iostream>

using namespace fabric;
using namespace fabric::plan;
using nlohmann::json;

static void require(bool holds, const char *what) {
  if (holds)
    return;
  std::cerr << "does not hold: " << what << "\n";
  std::abort();
}

/// What the executor asks of tensors.
template <typename Tensor>
static void useTensor(const Mesh &mesh, const Tensor &tensor,
                      const Shape &shape, int64_t rank) {
  Box box = localBox(mesh, tensor.sharding, shape, rank);
  require(checkBox(box, shape).ok(), "a shard lies inside of its tensor");
  require(box.sizes == localShape(mesh, tensor.sharding, shape),
          "a shard has the local shape");
  (void)isFirstHolder(mesh, tensor.sharding, rank);
}

/// Where the executor finds a peer's buffer.
static void usePeer(const Plan &plan, const Buffer &buffer, int64_t rank) {
  Group group = groupOf(plan.mesh, buffer.peer->axes, rank);
  int64_t member = buffer.peer->member;
  require(member >= 0 && member < static_cast<int64_t>(group.ranks.size()),
          "a peer is one of the group");
  int64_t bytes =
      Box::whole(buffer.shape).numElements() * byteWidth(buffer.dtype);
  int64_t piece = buffer.peer->ownPiece ? group.index : 0;
  require(buffer.offset + (piece + 1) * bytes <=
              plan.arenas[static_cast<size_t>(buffer.arena)].bytes,
          "what is read of a peer lies in its arena");
}

/// Streams, and events that are recorded before they are waited for.
static void useStreams(const Plan &plan) {
  int64_t numEvents = 0;
  for (const Instruction &instruction : plan.instructions) {
    int64_t stream = instruction.stream;
    require(stream == 0 || (stream > 0 && stream < std::ssize(plan.streams)),
            "an instruction's stream is one of the plan");
    if (std::holds_alternative<Record>(instruction.op))
      ++numEvents;
    if (const auto *wait = std::get_if<Wait>(&instruction.op))
      require(wait->event >= 0 && wait->event < numEvents,
              "an event is recorded before it is waited for");
  }
}

static void usePlan(const Plan &plan) {
  useStreams(plan);
  int64_t ranks = plan.mesh.numRanks();
  for (int64_t rank : {int64_t(0), ranks / 2, ranks - 1}) {
    for (const Parameter &parameter : plan.parameters)
      useTensor(plan.mesh, parameter, parameter.storedShape, rank);
    for (const State &state : plan.states)
      useTensor(plan.mesh, state, state.shape, rank);
    for (const Input &input : plan.inputs)
      useTensor(plan.mesh, input, input.shape, rank);
    for (const Output &output : plan.outputs) {
      useTensor(plan.mesh, output, output.shape, rank);
      require(output.name.find('/') == std::string::npos &&
                  output.name.find('\0') == std::string::npos,
              "an output's name is the name of a file");
    }
    if (ranks > 64)
      continue;
    for (const Buffer &buffer : plan.buffers)
      if (buffer.peer)
        usePeer(plan, buffer, rank);
    for (const Instruction &instruction : plan.instructions)
      if (const auto *op = std::get_if<Collective>(&instruction.op)) {
        Group group = groupOf(plan.mesh, op->axes, rank);
        require(group.ranks[static_cast<size_t>(group.index)] == rank,
                "a rank finds itself in its group");
      }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto bytes = std::as_bytes(std::span(data, size));
  Expected<Plan> plan = readPlan(bytes, "plan");
  if (plan.failed()) {
    require(plan.status().message().find('\n') == std::string::npos,
            "an error is one line");
    return 0;
  }
  usePlan(*plan);
  (void)describePlan(*plan);
  auto written = writePlan(*plan);
  require(!written.failed(), "a plan that was read can be written");
  auto again = readPlan(*written, "again");
  require(!again.failed(), "and read");
  auto twice = writePlan(*again);
  require(!twice.failed() && *twice == *written, "to the same bytes");
  return 0;
}

/// Offsets that follow from the sizes: else nearly every edit fails there.
static void layOutSections(json &manifest) {
  auto it = manifest.find("sections");
  if (!manifest.is_object() || it == manifest.end() || !it->is_array())
    return;
  uint64_t end = 0;
  for (json &section : *it) {
    if (!section.is_object() || !section.contains("bytes") ||
        !section["bytes"].is_number_integer())
      return;
    end = (end + 63) / 64 * 64;
    section["offset"] = end;
    end += section["bytes"].get<uint64_t>();
  }
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned int seed) {
  fuzz::Random random(seed);
  std::string_view manifest, sections;
  if (random() % 16 == 0 ||
      !fuzz::openPlan({reinterpret_cast<char *>(data), size}, manifest,
                      sections))
    return LLVMFuzzerMutate(data, size, maxSize);
  json document = json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  std::string text(manifest), rest(sections);
  if (document.is_discarded() || random() % 32 == 0) {
    text.resize(manifest.size() + 64);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(text.data()),
                                 manifest.size(), text.size()));
  } else {
    for (size_t edits = 1 + random() % 3; edits > 0; --edits)
      fuzz::editJson(document, random);
    if (random() % 4 != 0)
      layOutSections(document);
    text = document.dump(-1, ' ', false, json::error_handler_t::ignore);
  }
  if (random() % 32 == 0 && !rest.empty())
    rest.resize(random() % (2 * rest.size()));
  std::string file = fuzz::sealPlan(text, rest);
  if (file.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
