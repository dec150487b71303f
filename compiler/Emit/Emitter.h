//===- Emitter.h - What the parts of emitting share -------------*- C++ -*-===//
//
// Private to this folder.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_EMIT_EMITTER_H
#define FABRIC_COMPILER_EMIT_EMITTER_H

#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/Plan/Plan.h"
#include "llvm/ADT/DenseMap.h"
#include <map>

namespace mlir::fabric {

/// The plan in the making: interns buffers by where they are and what they
/// hold.
class PlanBuffers {
public:
  PlanBuffers(func::FuncOp function, ::fabric::plan::Plan &plan)
      : function(function), plan(plan) {}

  /// Adds the module's arenas. Fails where they are not planned.
  LogicalResult addArenas(ModuleOp module);

  /// The buffer of a value, by its slot. Fails where it has none.
  FailureOr<::fabric::plan::BufferId> get(Value value);

  /// The slot of a value; null where it has none.
  exec::SlotAttr getSlotOf(Value value) const;

  /// The buffer of `elements` of a value's, from `offset` on.
  FailureOr<::fabric::plan::BufferId> getWindow(Value value, int64_t offset,
                                                int64_t elements);

private:
  mutable func::FuncOp function; // MLIR's accessors are not const.
  ::fabric::plan::Plan &plan;
  llvm::DenseMap<exec::ArenaKind, int64_t> arenas;
  FailureOr<::fabric::plan::Buffer> describe(Value value);
  ::fabric::plan::BufferId intern(::fabric::plan::Buffer buffer);

  /// The last three: axes, member and kind of a peer's.
  using Key = std::tuple<int64_t, int64_t, ::fabric::plan::DType,
                         ::fabric::plan::Shape, std::string, int64_t, bool>;
  std::map<Key, ::fabric::plan::BufferId> ids;
};

/// The slot of an argument or of an instruction's result; null without one.
exec::SlotAttr getSlot(func::FuncOp function, Value value);

/// Parameters, states, inputs, scalars and outputs, off the arguments and
/// results of the function.
LogicalResult emitInterface(func::FuncOp function, PlanBuffers &buffers,
                            ::fabric::plan::Plan &plan);

/// Appends a constant's elements to section "constants".
LogicalResult emitConstant(exec::ConstantOp op, PlanBuffers &buffers,
                           ::fabric::plan::Plan &plan);

/// Bytes by class; see MemoryReport.cpp.
::fabric::plan::MemoryReport reportMemory(func::FuncOp function,
                                          const ::fabric::plan::Plan &plan);

/// "tp" or a part of it, as the plan names it.
std::vector<::fabric::plan::AxisRef> toPlanAxes(dist::AxesAttr axes);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_EMIT_EMITTER_H
