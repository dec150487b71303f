//===- Console.h - What rank 0 shows and records ----------------*- C++ -*-===//

#ifndef FABRIC_TOOLS_FABRICRUN_CONSOLE_H
#define FABRIC_TOOLS_FABRICRUN_CONSOLE_H

#include "runtime/Executor/Runner.h"
#include "tools/fabric-run/Options.h"

#include <cstdio>
#include <memory>

namespace fabric::run {

/// A line a step on standard output, a bar on standard error where that is a
/// terminal, and the metrics file. Used by one thread.
class Console {
public:
  Console(const Options &options, const plan::Plan &plan);
  ~Console();

  Status step(const runtime::StepReport &report, int64_t peakBytes);

  /// The results of inference and of gradients, and where they were written.
  void results(const runtime::Program &program) const;

  /// Planned and measured bytes of a rank.
  void memory(const runtime::MemoryUse &most) const;

private:
  void drawBar(int64_t step) const;
  void clearBar() const;
  Status record(const runtime::StepReport &report, int64_t peakBytes);

  struct CloseFile {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };

  const Options &options;
  const plan::Plan &plan;
  const bool showsBar;
  std::unique_ptr<std::FILE, CloseFile> metrics;
};

/// A remark on standard error: "fabric-run: info: text".
void note(const std::string &text);

/// "fabric-run: error: text" on standard error.
void printError(const std::string &text);

} // namespace fabric::run

#endif // FABRIC_TOOLS_FABRICRUN_CONSOLE_H
