//===- Work.h - How much an instruction does --------------------*- C++ -*-===//
//
// For profiles and tools: everything here follows from the plan.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_WORK_H
#define FABRIC_RUNTIME_PLAN_WORK_H

#include "runtime/Plan/Plan.h"

namespace fabric::plan {

/// "gemm", "kernel", "collective", "copy", "barrier", or "event" of what orders
/// streams. A slice is a copy: it sends nothing.
std::string_view categoryOf(const Instruction &instruction);

/// "all_gather at model.mlir:7:8": for lists of what ran.
std::string labelOf(const Instruction &instruction);

int64_t elementsOf(const Buffer &buffer);
int64_t bytesOf(const Buffer &buffer);

struct Work {
  int64_t flops = 0; ///< Of a product.
  /// What a product, kernel or copy reads and writes: every buffer once, but a
  /// result that is added to twice.
  int64_t bytesTouched = 0;
  int64_t bytesSent = 0; ///< By one rank, in a collective.
};

Work workOf(const Plan &plan, const Instruction &instruction);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_WORK_H
