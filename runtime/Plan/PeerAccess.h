//===- PeerAccess.h - Who may read a peer's memory, and when ----*- C++ -*-===//
//
// Private to runtime/Plan: the part of verifyPlan that is about peer views.
//
// Ranks run the same instructions, each at its own pace, and meet at barriers.
// Between two barriers over an axis a rank can be anywhere relative to its
// peers along that axis. So the instructions fall into segments, and the rule
// is: within a segment, nobody writes what peers read; and what is read has a
// barrier before it and one after it in the step, which also keeps steps apart.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_PEERACCESS_H
#define FABRIC_RUNTIME_PLAN_PEERACCESS_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <optional>

namespace fabric::plan {

/// Axes, member and pieces of a buffer that is a peer view; that the plan says
/// that it needs shared memory.
Status checkPeerView(const Plan &plan, const Buffer &buffer);

/// The bytes from a buffer's offset that it may stand for on some rank: of own
/// pieces, all. Nothing where that overflows. Requires a checked shape.
std::optional<int64_t> windowBytes(const Plan &plan, const Buffer &buffer);

/// Whether an instruction that orders the groups over `axes` orders those over
/// `inner`: every one of them is a part of one of the former.
bool coversAxes(const std::vector<AxisRef> &axes,
                const std::vector<AxisRef> &inner);

/// Peer views are only read, by products and kernels, and never in a segment in
/// which their bytes are written. Requires that all else is verified.
Status checkPeerAccess(const Plan &plan);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PEERACCESS_H
