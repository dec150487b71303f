//===- Access.h - What an instruction reads and writes ----------*- C++ -*-===//
//
// Private to runtime/Plan: what the verifier's parts know of an instruction.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_ACCESS_H
#define FABRIC_RUNTIME_PLAN_ACCESS_H

#include "runtime/Plan/Plan.h"

namespace fabric::plan {

/// The buffers of an instruction; what it also reads of those that it writes is
/// not said.
struct Access {
  std::vector<BufferId> reads, writes;
};

Access accessOf(const Instruction &instruction);

/// The axes over whose groups no rank goes on before all have come: of
/// barriers, and of collectives in which every rank needs something of every
/// other. Null for all else.
const std::vector<AxisRef> *orderedAxes(const Instruction &instruction);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_ACCESS_H
