//===- Replay.h - A step, captured once and run again -----------*- C++ -*-===//
//
// Giving a GPU a step's instructions one by one costs the host more than short
// ones cost the GPU. The first step runs that way, for libraries set up what
// they need in it; the second is captured, and from then on a step is one call.
// What differs between steps lies in buffers that are written before: inputs
// and scalars.
//
// Ranks that share a device are captured together. One leads: it begins, the
// other ranks' streams follow its own and so become part of the capture, all
// are given their step, and the leader follows all before it ends. A step is
// then one launch, after whatever any rank has been given before, and before
// whatever comes next.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_REPLAY_H
#define FABRIC_RUNTIME_EXECUTOR_REPLAY_H

#include "runtime/Comm/Communicator.h"

namespace fabric::runtime {

class Replay {
public:
  /// From here on; the stream can capture, by itself or with those of the other
  /// ranks.
  void enable(std::unique_ptr<comm::JointStreams> with = nullptr) {
    enabled = true;
    ranks = std::move(with);
  }

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
    if (!captured) {
      FABRIC_RETURN_IF_ERROR(capture(stream, give));
      captured = true;
    }
    return launch(stream).in("replaying the captured step");
  }

private:
  template <typename Give> Status capture(device::Stream &stream, Give give) {
    constexpr const char *context = "capturing the step";
    if (leads())
      FABRIC_RETURN_IF_ERROR(stream.beginCapture().in(context));
    Status given = fanOut();
    if (given.ok())
      given = give();
    if (given.ok())
      given = fanIn();
    Status ended = Status::success();
    // A stream that has begun has to end, whatever went wrong.
    if (leads()) {
      auto made = stream.endCapture();
      if (made.ok())
        graph = std::move(*made);
      else
        ended = made.status().in(context);
    }
    FABRIC_RETURN_IF_ERROR(given);
    // Before anybody uses a stream that may still be captured.
    return ranks ? ranks->agree(ended) : ended;
  }

  Status launch(device::Stream &stream) {
    FABRIC_RETURN_IF_ERROR(fanIn());
    if (leads())
      FABRIC_RETURN_IF_ERROR(graph->launch(stream));
    return fanOut();
  }

  bool leads() const { return !ranks || ranks->leads(); }
  Status fanOut() { return ranks ? ranks->fanOut() : Status::success(); }
  Status fanIn() { return ranks ? ranks->fanIn() : Status::success(); }

  bool enabled = false, warm = false, captured = false;
  std::unique_ptr<comm::JointStreams> ranks; ///< Null: every rank by itself.
  std::unique_ptr<device::Graph> graph;      ///< The leader's.
};

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_REPLAY_H
