//===- LeastMemory.cpp - What no memory plan can go below -----------------===//

#include "passes/Lowering/LeastMemory.h"
#include "passes/Lowering/Buffers.h"
#include "passes/Lowering/OffsetAssignment.h"

using namespace mlir;
using namespace mlir::lowering;
using exec::ArenaKind;

int64_t mlir::lowering::getLeastBytes(func::FuncOp function) {
  int64_t bytes = 0;
  auto module = function->getParentOfType<ModuleOp>();
  for (auto arena :
       module->getAttrOfType<ArrayAttr>(exec::ExecDialect::kArenasAttr)
           .getAsRange<exec::ArenaAttr>())
    if (arena.getKind() != ArenaKind::Workspace)
      bytes += arena.getBytes();

  SmallVector<Demand> demands;
  Buffers buffers = findBuffers(function.getBody().front());
  for (const Buffer &buffer : buffers.getAll()) {
    auto result = dyn_cast<OpResult>(buffer.values.front());
    auto planned = result
                       ? dyn_cast<exec::PlannedOpInterface>(result.getOwner())
                       : nullptr;
    // What a peer holds takes nothing here.
    exec::SlotAttr slot =
        planned ? planned.getSlotOf(result.getResultNumber()) : nullptr;
    if (slot && !planned.isAlias() && slot.getArena() == ArenaKind::Workspace)
      demands.push_back({buffer.begin, buffer.end, buffer.getNumBytes()});
  }
  return bytes + getMaxLiveBytes(demands);
}
