//===- Replay.h - A step, captured once and run again -----------*- C++ -*-===//
//
// Giving a GPU a step's instructions one by one costs the host more than short
// ones cost the GPU. The first step runs that way, for libraries set up what
// they need in it; the second is captured, and from then on a step is one call.
// What differs between steps lies in buffers that are written before: inputs
// and scalars.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_REPLAY_H
#define FABRIC_RUNTIME_EXECUTOR_REPLAY_H

#include "runtime/Device/Stream.h"

namespace fabric::runtime {

class Replay {
public:
  /// From here on; the stream can capture.
  void enable() { enabled = true; }

  /// Runs what `give` gives to `stream`, which is the same in every call. Other
  /// streams follow it first, and it follows them at the end.
  template <typename Give> Status run(device::Stream &stream, Give give) {
    if (!enabled)
      return give();
    if (!warm) {
      FABRIC_RETURN_IF_ERROR(give());
      warm = true;
      return Status::success();
    }
    if (!graph) {
      FABRIC_RETURN_IF_ERROR(stream.beginCapture().in(capturing));
      Status given = give();
      // A stream that has begun has to end, whatever went wrong.
      auto captured = stream.endCapture();
      FABRIC_RETURN_IF_ERROR(given);
      if (captured.failed())
        return captured.status().in(capturing);
      graph = std::move(*captured);
    }
    return graph->launch(stream).in("replaying the captured step");
  }

private:
  static constexpr const char *capturing = "capturing the step";

  bool enabled = false, warm = false;
  std::unique_ptr<device::Graph> graph;
};

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_REPLAY_H
