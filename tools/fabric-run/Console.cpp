//===- Console.cpp - What rank 0 shows and records ------------------------===//

#include "tools/fabric-run/Console.h"
#include "runtime/Executor/ResultFiles.h"
#include "runtime/Support/Box.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace fabric::run {
namespace {

spdlog::logger &logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("fabric-run",
                        std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%n: %l: %v");
    return made;
  }();
  return instance;
}

/// "1.31 MiB (1376256 bytes)"
std::string spellBytes(int64_t bytes) {
  const char *units[] = {"KiB", "MiB", "GiB", "TiB"};
  std::string exact = std::to_string(bytes) + " bytes";
  if (bytes < 1024)
    return exact;
  double value = static_cast<double>(bytes) / 1024;
  int unit = 0;
  for (; value >= 1024 && unit < 3; ++unit)
    value /= 1024;
  char text[64];
  std::snprintf(text, sizeof(text), "%.2f %s (%s)", value, units[unit],
                exact.c_str());
  return text;
}

} // namespace

void note(const std::string &text) { logger().info("{}", text); }

void printError(const std::string &text) { logger().error("{}", text); }

Console::Console(const Options &options, const plan::Plan &plan)
    : options(options), plan(plan),
      showsBar(!options.quiet && options.steps > 1 && ::isatty(STDERR_FILENO)) {
}

Console::~Console() { clearBar(); }

Status Console::step(const runtime::StepReport &report, int64_t peakBytes) {
  bool counts = report.loss || plan.mode == plan::Mode::Train;
  if (!options.quiet && counts) {
    clearBar();
    std::printf("step %ld/%ld", static_cast<long>(report.step),
                static_cast<long>(options.steps));
    if (report.loss)
      std::printf("  loss %.9g", *report.loss);
    std::printf("  %.1f ms\n", report.milliseconds);
    std::fflush(stdout);
  }
  drawBar(report.step);
  return options.metrics.empty() ? Status::success()
                                 : record(report, peakBytes);
}

void Console::drawBar(int64_t step) const {
  if (!showsBar || step == options.steps)
    return clearBar();
  constexpr int64_t width = 30;
  int64_t filled = step * width / options.steps;
  std::string bar(filled, '#');
  bar.resize(width, '.');
  std::fprintf(stderr, "\r[%s] %ld/%ld", bar.c_str(), static_cast<long>(step),
               static_cast<long>(options.steps));
  std::fflush(stderr);
}

void Console::clearBar() const {
  if (!showsBar)
    return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

Status Console::record(const runtime::StepReport &report, int64_t peakBytes) {
  // Not before there is something to record: a run that fails earlier leaves
  // the file as it was.
  if (!metrics)
    metrics.reset(std::fopen(options.metrics.c_str(), "w"));
  nlohmann::ordered_json line = {{"step", report.step}};
  if (report.loss && std::isfinite(*report.loss))
    line["loss"] = *report.loss;
  else
    line["loss"] = nullptr; // JSON has no NaN.
  line["step_ms"] = report.milliseconds;
  line["peak_bytes"] = peakBytes;
  std::string text = line.dump() + "\n";
  if (!metrics || std::fputs(text.c_str(), metrics.get()) < 0 ||
      std::fflush(metrics.get()) != 0)
    return Status::error("--metrics: ", options.metrics,
                         ": cannot write: ", std::strerror(errno));
  return Status::success();
}

void Console::results(const runtime::Program &program) const {
  if (options.quiet || plan.mode == plan::Mode::Train)
    return;
  for (const plan::Output &output : program.plan().outputs) {
    std::string dtype(plan::toString(output.dtype));
    std::string place =
        options.outputDir.empty()
            ? "(--output-dir=DIR writes it)"
            : "-> " + runtime::outputPath(options.outputDir, output);
    std::printf("%s  %s%s  %s\n", output.name.c_str(), dtype.c_str(),
                fabric::toString(output.shape).c_str(), place.c_str());
  }
}

void Console::memory(const runtime::MemoryUse &most) const {
  if (options.quiet)
    return;
  std::printf("peak memory per rank: planned %s, measured %s; scratch %s\n",
              spellBytes(plan.memory.peak).c_str(),
              spellBytes(most.arenas).c_str(),
              spellBytes(most.scratch).c_str());
  std::fflush(stdout);
}

} // namespace fabric::run
