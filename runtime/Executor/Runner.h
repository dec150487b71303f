//===- Runner.h - A run, as one rank sees it --------------------*- C++ -*-===//
//
// The same on every rank, whether it is a thread or a process: load, start,
// steps, end. Ranks agree after every phase that can fail on one of them alone,
// so that nobody goes on without the others.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_RUNNER_H
#define FABRIC_RUNTIME_EXECUTOR_RUNNER_H

#include "runtime/Executor/Program.h"
#include "runtime/Support/Box.h"

#include <optional>

namespace fabric::runtime {

struct RunOptions {
  int64_t steps = 1;
  /// In place of the plan's defaults: "lr".
  std::map<std::string, double> scalars;
  /// For the matrix products of a rank; see defaultThreads().
  int threads = 1;
  /// Whether a thread beside each rank reads the next step's inputs.
  bool readAhead = false;
  /// Whether a device that can replays captured steps.
  bool replay = true;
  /// What to measure, if anything. At least one step of the run is among it.
  std::optional<ProfileSteps> profile;
};

/// The cores that this process may use, shared among its ranks; at least 1.
int defaultThreads(int ranksInProcess);

struct StepReport {
  int64_t step = 1; ///< From 1.
  double milliseconds = 0;
  std::optional<double> loss; ///< Where the plan has one.
};

/// What a run reads and where its results go. One object may serve all ranks of
/// a process: then its functions are called from all their threads.
class RunHooks {
public:
  virtual ~RunHooks() = default;

  /// Fills what `rank` holds of the parameter, dense and row major.
  virtual Status loadParameter(const plan::Parameter &parameter, int64_t rank,
                               void *shard) = 0;

  /// Fills the box of the input that a rank holds at `step`, from 0. May be
  /// called while a step runs.
  virtual Status readInput(const plan::Input &input, int64_t step,
                           const Box &box, void *shard) = 0;

  /// What a person should know about how the plan runs. On every rank.
  virtual void remark(const Program &, const std::string &) {}

  /// After every step. A failure here is this rank's alone.
  virtual Status afterStep(const Program &, const StepReport &) {
    return Status::success();
  }

  /// After the last step that is profiled. May use the communicator: all ranks
  /// call it.
  virtual Status afterProfile(const Profile &, comm::Communicator &) {
    return Status::success();
  }

  /// After the last step. May use the communicator: all ranks call it.
  virtual Status atEnd(const Program &, comm::Communicator &) {
    return Status::success();
  }
};

/// Runs the plan on one rank of `communicator`, which is as large as the plan's
/// mesh. After a failure, communicator.agreedOnFailure() says whether all ranks
/// have returned it; if not, the caller has to abort().
Status runRank(const plan::Plan &plan, device::Device &device,
               std::shared_ptr<const device::Module> module,
               comm::Communicator &communicator, const RunOptions &options,
               RunHooks &hooks);

/// Loads section "code", or gives null where the plan has none.
Expected<std::shared_ptr<device::Module>> loadCode(const plan::Plan &plan,
                                                   device::Device &device);

/// Runs `body` on a thread for each of `size` ranks. A rank that fails without
/// the others' knowledge poisons the world. Returns the first failure.
Status runLocalRanks(int size, const comm::CommOptions &options,
                     const std::function<Status(comm::Communicator &)> &body);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_RUNNER_H
