//===- InputReader.h - A step's inputs, read before it ----------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_EXECUTOR_INPUTREADER_H
#define FABRIC_RUNTIME_EXECUTOR_INPUTREADER_H

#include "runtime/Executor/Runner.h"
#include "runtime/Plan/Padding.h"

#include <semaphore>
#include <thread>
#include <vector>

namespace fabric::runtime {

/// Puts the inputs of one rank where its plan wants them. Used by the rank's
/// thread.
class InputReader {
public:
  /// Where `ahead`, a thread of its own reads the inputs of the next step while
  /// one runs: into memory of the host, of which an input takes its size once
  /// more. All that is given outlives it.
  InputReader(Program &program, RunHooks &hooks, int64_t steps, bool ahead);
  /// Waits for what is being read.
  ~InputReader();

  /// For steps 0, 1, ... in turn. What goes wrong is this rank's alone.
  Status load(int64_t step);

private:
  /// An input and what the rank holds of it.
  struct BoundInput {
    const plan::Input *input;
    plan::PaddedShard part;
  };

  Status read(const BoundInput &bound, int64_t step, void *shard) const;
  Status readAhead(int64_t step);
  void serve();

  Program &program;
  RunHooks &hooks;
  const int64_t steps;
  std::vector<BoundInput> inputs;
  const bool ahead;

  // Between the two threads. Who has acquired may touch the rest.
  std::binary_semaphore wanted{0}, ready{0};
  int64_t next = 0; ///< What to read; behind the last: to end.
  Status outcome = Status::success();
  std::thread reader;
};

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_INPUTREADER_H
