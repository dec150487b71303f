//===- TraceFile.h - A profile for ui.perfetto.dev --------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_EXECUTOR_TRACEFILE_H
#define FABRIC_RUNTIME_EXECUTOR_TRACEFILE_H

#include "runtime/Executor/Profile.h"

#include <string>

namespace fabric::runtime {

/// A timeline in Chrome's trace event format: a process a rank, in it a thread
/// for the host and one for each stream. An instruction is a complete event
/// with its op and place as name, its kind as category, and its work as
/// arguments. `ranks` is what Profile::gather() gives.
std::string traceText(const plan::Plan &plan,
                      const std::vector<std::vector<StepTimes>> &ranks);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_TRACEFILE_H
