//===- TraceFile.cpp - A profile for ui.perfetto.dev ----------------------===//

#include "runtime/Executor/TraceFile.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace fabric::runtime {
namespace {

using Json = nlohmann::ordered_json;

/// Threads of a rank's process, in the order in which they are shown.
constexpr int64_t hostThread = 0, firstStream = 1;

/// "rank 3 (dp=1, tp=1)".
std::string processName(const plan::Mesh &mesh, int64_t rank) {
  std::string name = "rank " + std::to_string(rank) + " (";
  for (const plan::MeshAxis &axis : mesh.axes)
    name += (name.ends_with('(') ? "" : ", ") + axis.name + "=" +
            std::to_string(plan::axesIndex(mesh, {{axis.name}}, rank));
  return name + ")";
}

Json argumentsOf(const plan::Plan &plan, size_t index) {
  const plan::Instruction &instruction = plan.instructions[index];
  Json arguments = {{"instruction", index}, {"loc", instruction.loc}};
  plan::Work work = plan::workOf(plan, instruction);
  if (auto *gemm = std::get_if<plan::Gemm>(&instruction.op)) {
    arguments["batch"] = gemm->batch;
    arguments["m"] = gemm->m;
    arguments["n"] = gemm->n;
    arguments["k"] = gemm->k;
    arguments["flops"] = work.flops;
  }
  if (auto *collective = std::get_if<plan::Collective>(&instruction.op)) {
    arguments["axes"] = plan::toString(collective->axes);
    arguments["bytes_sent"] = work.bytesSent;
    arguments["why"] = collective->why;
  }
  if (auto *barrier = std::get_if<plan::Barrier>(&instruction.op))
    arguments["axes"] = plan::toString(barrier->axes);
  if (work.bytesTouched > 0)
    arguments["bytes"] = work.bytesTouched;
  return arguments;
}

class Writer {
public:
  Writer(const plan::Plan &plan,
         const std::vector<std::vector<StepTimes>> &ranks)
      : plan(plan), ranks(ranks) {
    for (size_t i = 0; i < plan.instructions.size(); ++i) {
      names.push_back(plan::labelOf(plan.instructions[i]));
      arguments.push_back(argumentsOf(plan, i));
    }
    for (const auto &rank : ranks)
      for (const StepTimes &times : rank)
        zero = std::min(zero, times.whole.begin);
  }

  std::string run() {
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      writeRank(static_cast<int64_t>(rank));
    Json trace = {{"displayTimeUnit", "ms"},
                  {"otherData",
                   {{"mesh", plan::toString(plan.mesh)},
                    {"target", plan.target.kind},
                    {"fingerprint", plan.fingerprint}}},
                  {"traceEvents", std::move(events)}};
    return trace.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

private:
  void writeRank(int64_t rank) {
    describe(rank, hostThread, "process_name",
             {{"name", processName(plan.mesh, rank)}});
    describe(rank, hostThread, "process_sort_index", {{"sort_index", rank}});
    describe(rank, hostThread, "thread_name", {{"name", "host"}});
    if (plan.streams.empty())
      describe(rank, firstStream, "thread_name", {{"name", "stream"}});
    for (size_t i = 0; i < plan.streams.size(); ++i)
      describe(rank, firstStream + static_cast<int64_t>(i), "thread_name",
               {{"name", plan.streams[i]}});
    for (const StepTimes &times : ranks[static_cast<size_t>(rank)]) {
      Json step = {{"step", times.step + 1}};
      complete(rank, hostThread, "step " + std::to_string(times.step + 1),
               "step", times.whole, step);
      if (!plan.inputs.empty())
        complete(rank, hostThread, "read inputs", "input", times.inputs, step);
      for (size_t i = 0; i < names.size(); ++i) {
        Json all = step;
        all.update(arguments[i]);
        complete(rank, firstStream + plan.instructions[i].stream, names[i],
                 plan::categoryOf(plan.instructions[i]), times.instructions[i],
                 std::move(all));
      }
    }
  }

  void describe(int64_t rank, int64_t thread, const char *what,
                Json arguments) {
    events.push_back({{"ph", "M"},
                      {"name", what},
                      {"pid", rank},
                      {"tid", thread},
                      {"args", std::move(arguments)}});
  }

  void complete(int64_t rank, int64_t thread, const std::string &name,
                std::string_view category, const Span &span, Json arguments) {
    events.push_back({{"ph", "X"},
                      {"name", name},
                      {"cat", category},
                      {"pid", rank},
                      {"tid", thread},
                      {"ts", microseconds(span.begin - zero)},
                      {"dur", microseconds(span.end - span.begin)},
                      {"args", std::move(arguments)}});
  }

  static double microseconds(int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e3;
  }

  const plan::Plan &plan;
  const std::vector<std::vector<StepTimes>> &ranks;
  std::vector<std::string> names;
  std::vector<Json> arguments;
  int64_t zero = std::numeric_limits<int64_t>::max();
  Json events = Json::array();
};

} // namespace

std::string traceText(const plan::Plan &plan,
                      const std::vector<std::vector<StepTimes>> &ranks) {
  return Writer(plan, ranks).run();
}

} // namespace fabric::runtime
