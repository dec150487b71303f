//===- Profile.h - When the instructions of some steps ran ------*- C++ -*-===//
//
// Numbers only: an instruction's name, place and work are the plan's, which all
// ranks share. A rank without a profile measures nothing.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_PROFILE_H
#define FABRIC_RUNTIME_EXECUTOR_PROFILE_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Device/Stream.h"
#include "runtime/Plan/Plan.h"

#include <vector>

namespace fabric::runtime {

/// Which steps, counted from 0.
struct ProfileSteps {
  int64_t first = 1; ///< Step 0 is no example: pages and caches are new.
  int64_t count = 3;
};

/// Nanoseconds; where a rank is compared with others, of the system's clock.
struct Span {
  int64_t begin = 0, end = 0;
};

/// What one rank did in one step.
struct StepTimes {
  int64_t step = 0; ///< From 0.
  Span whole;       ///< On the host: inputs, instructions, the loss.
  Span inputs;      ///< Reading them, and agreeing that it went well.
  std::vector<Span> instructions; ///< In the plan's order, all of them.
};

/// The steps of one rank. Used by its thread.
class Profile {
public:
  Profile(const plan::Plan &plan, const ProfileSteps &which)
      : plan(plan), which(which) {}

  bool covers(int64_t step) const {
    return step >= which.first && step < which.first + which.count;
  }

  //===--- Told by the program, within a step -----------------------------===//

  /// Waits until the streams, which are the plan's, are idle.
  Status start(const std::vector<std::unique_ptr<device::Stream>> &streams);
  Status begin(size_t instruction) {
    auto [stream, number] = places[instruction];
    return watches[stream]->mark(2 * number);
  }
  Status end(size_t instruction) {
    auto [stream, number] = places[instruction];
    return watches[stream]->mark(2 * number + 1);
  }
  /// When the work in the streams is done.
  Status stop();

  //===--- Told by the run ------------------------------------------------===//

  /// After the program's step.
  void finish(int64_t step, Span whole, Span inputs);

  /// Called by all ranks: what each of them measured, in rank order, by the
  /// system's clock.
  Expected<std::vector<std::vector<StepTimes>>>
  gather(comm::Communicator &communicator) const;

private:
  const plan::Plan &plan;
  const ProfileSteps which;
  std::vector<std::unique_ptr<device::Stopwatch>> watches; ///< By stream.
  /// An instruction's stream, and its number there.
  struct Place {
    size_t stream, number;
  };
  std::vector<Place> places;
  std::vector<Span> current; ///< Of the step that has just been stopped.
  std::vector<StepTimes> steps;
};

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_PROFILE_H
