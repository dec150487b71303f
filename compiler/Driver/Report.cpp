//===- Report.cpp - What a plan costs, before it runs ---------------------===//

#include "compiler/Driver/Report.h"
#include "runtime/Plan/Sharding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir::fabric;
namespace plan = ::fabric::plan;

static std::string dtypeName(const plan::Plan &plan,
                             const plan::Collective &collective) {
  return std::string(plan::toString(plan.buffers[collective.input].dtype));
}

/// Calls `visit` for every collective that sends something.
static void
forEachCollective(const plan::Plan &plan,
                  llvm::function_ref<void(const plan::Collective &,
                                          const plan::Instruction &)>
                      visit) {
  for (const plan::Instruction &instruction : plan.instructions)
    if (auto *collective = std::get_if<plan::Collective>(&instruction.op))
      if (collective->kind != plan::Collective::Kind::AllSlice)
        visit(*collective, instruction);
}

/// Instructions that only copy, where no better plan was found.
static int64_t countCopies(const plan::Plan &plan) {
  return llvm::count_if(plan.instructions, [](const auto &instruction) {
    return std::holds_alternative<plan::Copy>(instruction.op);
  });
}

namespace {
/// What ranks read where it lies instead of being sent it.
struct PeerReads {
  int64_t bytes = 0, barriers = 0;
};
} // namespace

/// In a step; of the members of a group, one is the rank itself.
static PeerReads countPeerReads(const plan::Plan &plan) {
  PeerReads reads;
  auto read = [&](plan::BufferId id) {
    const plan::Buffer &buffer = plan.buffers[id];
    if (!buffer.peer)
      return;
    int64_t bytes = plan::byteWidth(buffer.dtype);
    for (int64_t size : buffer.shape)
      bytes *= size;
    int64_t members = plan::axesSize(plan.mesh, buffer.peer->axes);
    reads.bytes += bytes / members * (members - 1);
  };
  for (const plan::Instruction &instruction : plan.instructions) {
    reads.barriers += std::holds_alternative<plan::Barrier>(instruction.op);
    if (auto *gemm = std::get_if<plan::Gemm>(&instruction.op)) {
      read(gemm->a.buffer);
      read(gemm->b.buffer);
      if (gemm->bias)
        read(*gemm->bias);
    } else if (auto *launch = std::get_if<plan::Launch>(&instruction.op)) {
      llvm::for_each(launch->buffers, read);
    }
  }
  return reads;
}

/// Samples of the first input that has a batch dim, and of a rank's part of it.
static std::optional<std::pair<int64_t, int64_t>>
getBatch(const plan::Plan &plan) {
  for (const plan::Input &input : plan.inputs) {
    if (!input.batchDim)
      continue;
    int64_t global = input.shape[*input.batchDim];
    return std::pair(global, plan.buffers[input.buffer].shape[*input.batchDim]);
  }
  return std::nullopt;
}

void mlir::fabric::printReportJson(const plan::Plan &plan,
                                   const ReportFacts &facts,
                                   llvm::raw_ostream &os) {
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attributeObject("mesh", [&] {
      for (const plan::MeshAxis &axis : plan.mesh.axes)
        json.attribute(axis.name, axis.size);
    });
    json.attributeObject("batch", [&] {
      if (auto batch = getBatch(plan)) {
        json.attribute("global", batch->first);
        json.attribute("per_rank", batch->second);
      }
    });
    json.attribute("flops_per_rank", facts.flopsPerRank);
    json.attributeObject("memory", [&] {
      json.attribute("peak_bytes", plan.memory.peak);
      json.attribute("parameters", plan.memory.parameters);
      json.attribute("optimizer", plan.memory.optimizer);
      json.attribute("gradients", plan.memory.gradients);
      json.attribute("activations", plan.memory.activations);
      json.attribute("communication", plan.memory.communication);
      json.attribute("scratch", plan.memory.scratch);
    });
    json.attribute("least_bytes", facts.leastBytes);
    json.attribute("planned_copies", countCopies(plan));
    PeerReads peers = countPeerReads(plan);
    json.attribute("peer_bytes", peers.bytes);
    json.attribute("barriers", peers.barriers);
    json.attributeArray("collectives", [&] {
      forEachCollective(plan, [&](const plan::Collective &collective,
                                  const plan::Instruction &instruction) {
        json.object([&] {
          json.attribute("kind",
                         llvm::StringRef(plan::nameOf(collective.kind)));
          json.attributeArray("axes", [&] {
            for (const plan::AxisRef &axis : collective.axes)
              json.value(axis.axis);
          });
          json.attribute("dtype", dtypeName(plan, collective));
          json.attribute("bytes", collective.bytesSent);
          json.attribute("loc", instruction.loc);
          json.attribute("why", collective.why);
          if (!plan.streams.empty())
            json.attribute("stream", plan.streams[instruction.stream]);
        });
      });
    });
    json.attributeObject("tp_plan", [&] {
      for (const auto &[name, style] : facts.tpPlan)
        json.attribute(name, style);
    });
    json.attributeObject("fsdp_plan", [&] {
      for (const auto &[name, mode] : facts.fsdpPlan)
        json.attribute(name, mode);
    });
  });
  os << '\n';
}

/// 12345678 -> "12.3 MB"; powers of ten, as memory figures of models are given.
static std::string humanBytes(int64_t bytes) {
  static constexpr const char *units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  unsigned unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (unit == 0)
    stream << bytes << " B";
  else
    stream << llvm::format("%.2f %s", value, units[unit]);
  return text;
}

/// What runs beside what computes.
static void printStreams(const plan::Plan &plan, llvm::raw_ostream &os) {
  if (plan.streams.empty())
    return;
  std::vector<int64_t> counts(plan.streams.size()), bytes(counts);
  int64_t waits = 0;
  forEachCollective(plan, [&](const plan::Collective &collective,
                              const plan::Instruction &instruction) {
    ++counts[instruction.stream];
    bytes[instruction.stream] += collective.bytesSent;
  });
  for (const plan::Instruction &instruction : plan.instructions)
    waits += std::holds_alternative<plan::Wait>(instruction.op);
  os << "overlap          " << plan.streams.size() << " streams, " << waits
     << " waits\n";
  for (size_t stream = 1; stream < plan.streams.size(); ++stream)
    os << "  " << llvm::format("%-15s", plan.streams[stream].c_str())
       << humanBytes(bytes[stream]) << " in " << counts[stream]
       << (counts[stream] == 1 ? " collective\n" : " collectives\n");
}

void mlir::fabric::printReport(const plan::Plan &plan, const ReportFacts &facts,
                               llvm::raw_ostream &os) {
  os << "mesh            ";
  for (const plan::MeshAxis &axis : plan.mesh.axes)
    os << ' ' << axis.name << '=' << axis.size;
  os << '\n';
  if (auto batch = getBatch(plan))
    os << "batch            " << batch->first << " global, " << batch->second
       << " a rank\n";
  os << "work             " << llvm::format("%.3g", double(facts.flopsPerRank))
     << " FLOP a rank and step\n";
  int64_t copies = countCopies(plan);
  os << "memory           " << humanBytes(plan.memory.peak)
     << " a rank, of which " << humanBytes(facts.leastBytes)
     << " are needed in any layout; " << copies
     << (copies == 1 ? " copy" : " copies") << '\n';
  auto line = [&](const char *name, int64_t bytes) {
    if (bytes)
      os << "  " << llvm::format("%-15s", name) << humanBytes(bytes) << '\n';
  };
  line("parameters", plan.memory.parameters);
  line("optimizer", plan.memory.optimizer);
  line("gradients", plan.memory.gradients);
  line("activations", plan.memory.activations);
  line("communication", plan.memory.communication);
  line("scratch", plan.memory.scratch);

  printStreams(plan, os);
  if (!facts.tpPlan.empty()) {
    os << "tensor parallel\n";
    for (const auto &[name, style] : facts.tpPlan)
      os << "  " << llvm::format("%-24s", name.c_str()) << ' ' << style << '\n';
  }

  if (!facts.fsdpPlan.empty()) {
    os << "sharded over dp\n";
    for (const auto &[name, mode] : facts.fsdpPlan)
      os << "  " << llvm::format("%-24s", name.c_str()) << ' ' << mode << '\n';
  }

  if (PeerReads peers = countPeerReads(plan); peers.barriers > 0)
    os << "shared memory    " << humanBytes(peers.bytes)
       << " read of other ranks, " << peers.barriers
       << (peers.barriers == 1 ? " barrier\n" : " barriers\n");

  // By first appearance.
  struct Sum {
    std::string what;
    int64_t count = 0, bytes = 0;
  };
  std::vector<Sum> sums;
  forEachCollective(plan, [&](const plan::Collective &collective,
                              const plan::Instruction &) {
    std::string key = std::string(plan::nameOf(collective.kind)) + " of " +
                      dtypeName(plan, collective) + " over " +
                      plan::toString(collective.axes) + ": " + collective.why;
    auto sum = llvm::find_if(sums, [&](const Sum &s) { return s.what == key; });
    if (sum == sums.end())
      sum = sums.insert(sum, Sum{key, 0, 0});
    ++sum->count;
    sum->bytes += collective.bytesSent;
  });
  os << (sums.empty() ? "no collectives\n"
                      : "collectives, bytes sent by a rank\n");
  for (const Sum &sum : sums)
    os << "  " << llvm::format("%4lld", (long long)sum.count) << " x  "
       << llvm::format("%10s", humanBytes(sum.bytes).c_str()) << "  "
       << sum.what << '\n';
}
