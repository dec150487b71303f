//===- Types.cpp - Element types, axes and buffers of the plan ------------===//

#include "compiler/Emit/Emit.h"
#include "compiler/Emit/Emitter.h"
#include "runtime/Plan/Sharding.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

FailureOr<plan::DType> mlir::fabric::toPlanDType(Type type) {
  if (type.isF32())
    return plan::DType::F32;
  if (type.isBF16())
    return plan::DType::BF16;
  if (type.isF16())
    return plan::DType::F16;
  if (type.isF64())
    return plan::DType::F64;
  if (type.isInteger(1))
    return plan::DType::Bool;
  if (type.isInteger(8))
    return plan::DType::I8;
  if (type.isInteger(32))
    return plan::DType::I32;
  if (type.isInteger(64))
    return plan::DType::I64;
  return failure();
}

std::vector<plan::AxisRef> mlir::fabric::toPlanAxes(dist::AxesAttr axes) {
  std::vector<plan::AxisRef> refs;
  for (dist::AxisRefAttr axis : axes.getRefs())
    refs.push_back(
        {axis.getName().str(), axis.getPreSize(), axis.getSubSize()});
  return refs;
}

exec::SlotAttr mlir::fabric::getSlot(func::FuncOp function, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return function.getArgAttrOfType<exec::SlotAttr>(
        argument.getArgNumber(), exec::ExecDialect::kSlotAttr);
  auto op = value.getDefiningOp<exec::PlannedOpInterface>();
  return op ? op.getSlotOf(cast<OpResult>(value).getResultNumber())
            : exec::SlotAttr();
}

exec::SlotAttr PlanBuffers::getSlotOf(Value value) const {
  return getSlot(function, value);
}

static StringRef arenaName(exec::ArenaKind kind) {
  return exec::stringifyArenaKind(kind);
}

LogicalResult PlanBuffers::addArenas(ModuleOp module) {
  auto attr = module->getAttrOfType<ArrayAttr>(exec::ExecDialect::kArenasAttr);
  if (!attr)
    return module.emitError() << "has no planned arenas";
  for (auto arena : attr.getAsRange<exec::ArenaAttr>()) {
    if (arena.getBytes() == 0)
      continue;
    arenas[arena.getKind()] = plan.arenas.size();
    plan.arenas.push_back({arenaName(arena.getKind()).str(), arena.getBytes()});
  }
  return success();
}

FailureOr<plan::Buffer> PlanBuffers::describe(Value value) {
  exec::SlotAttr slot = getSlot(function, value);
  if (!slot)
    return emitError(value.getLoc()) << "a value has no planned slot";
  auto arena = arenas.find(slot.getArena());
  if (arena == arenas.end())
    return emitError(value.getLoc())
           << "arena " << arenaName(slot.getArena()) << " is empty";
  auto type = cast<RankedTensorType>(value.getType());
  FailureOr<plan::DType> dtype = toPlanDType(type.getElementType());
  if (failed(dtype))
    return emitError(value.getLoc())
           << "the runtime has no element type " << type.getElementType();
  plan::Buffer buffer{arena->second, slot.getOffset(), *dtype,
                      plan::Shape(type.getShape())};
  if (auto view = value.getDefiningOp<exec::PeerViewOp>())
    buffer.peer = plan::PeerView{toPlanAxes(view.getAxes()),
                                 static_cast<int64_t>(view.getMember()),
                                 view.getOwnPiece()};
  return buffer;
}

plan::BufferId PlanBuffers::intern(plan::Buffer buffer) {
  Key key(buffer.arena, buffer.offset, buffer.dtype, buffer.shape, "", 0,
          false);
  if (buffer.peer) {
    std::get<4>(key) = plan::toString(buffer.peer->axes);
    std::get<5>(key) = buffer.peer->member;
    std::get<6>(key) = buffer.peer->ownPiece;
    plan.needs.sharedMemory = true;
  }
  auto [entry, inserted] =
      ids.try_emplace(key, static_cast<plan::BufferId>(plan.buffers.size()));
  if (inserted)
    plan.buffers.push_back(std::move(buffer));
  return entry->second;
}

FailureOr<plan::BufferId> PlanBuffers::get(Value value) {
  FailureOr<plan::Buffer> buffer = describe(value);
  if (failed(buffer))
    return failure();
  return intern(std::move(*buffer));
}

FailureOr<plan::BufferId> PlanBuffers::getWindow(Value value, int64_t offset,
                                                 int64_t elements) {
  FailureOr<plan::Buffer> buffer = describe(value);
  if (failed(buffer))
    return failure();
  buffer->offset += offset * plan::byteWidth(buffer->dtype);
  buffer->shape = {elements};
  return intern(std::move(*buffer));
}
