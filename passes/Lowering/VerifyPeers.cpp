//===- VerifyPeers.cpp - No rank reads what a peer writes -----------------===//
//
// Shares nothing with the placement of barriers: it looks at slots. Ranks run
// the same instructions, each at its own pace, and meet where an instruction
// orders them. Over some axes, these instructions cut the program into
// segments; within one, a rank may be anywhere relative to its peers over these
// axes. So no segment may write bytes that it reads of peers, and the first and
// the last, which meet those of other steps, may read none.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;
using exec::PeerViewOp;
using exec::PlannedOpInterface;
using exec::SlotAttr;

namespace mlir::lowering {
#define GEN_PASS_DEF_VERIFYPEERSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// Bytes of an arena that an op writes, or reads of peers.
struct Access {
  exec::ArenaKind arena;
  int64_t begin, end;
  Operation *op;
  bool isRead;
};

class Verifier {
public:
  explicit Verifier(func::FuncOp function)
      : block(function.getBody().front()) {}
  LogicalResult run();

private:
  LogicalResult checkUses(PeerViewOp view) const;
  LogicalResult checkSegments(dist::AxesAttr axes) const;
  LogicalResult checkSegment(SmallVector<Access> segment, bool isFirst,
                             bool isLast, dist::AxesAttr axes) const;

  Block &block;
};

} // namespace

static Access makeAccess(Operation *op, SlotAttr slot, Type type, bool isRead) {
  return {slot.getArena(), slot.getOffset(),
          slot.getOffset() + exec::getNumBytes(type), op, isRead};
}

/// Products and kernels take a peer's value as any other; nobody writes it.
LogicalResult Verifier::checkUses(PeerViewOp view) const {
  for (OpOperand &use : view->getUses()) {
    Operation *user = use.getOwner();
    if (!isa<exec::GemmOp, exec::LaunchOp>(user))
      return user->emitOpError()
             << "reads a peer's value, which only products and kernels can";
    for (OpResult result : user->getResults())
      if (cast<PlannedOpInterface>(user).getTiedOperand(
              result.getResultNumber()) == use.getOperandNumber())
        return user->emitOpError() << "writes over a peer's value";
  }
  return success();
}

LogicalResult Verifier::checkSegment(SmallVector<Access> segment, bool isFirst,
                                     bool isLast, dist::AxesAttr axes) const {
  auto read = llvm::find_if(segment,
                            [](const Access &access) { return access.isRead; });
  if (read == segment.end())
    return success();
  if (isFirst || isLast)
    return read->op->emitOpError()
           << "reads a peer's value and expects a barrier over " << axes.str()
           << (isFirst ? " before it" : " after it") << " in the step";
  // By place: two accesses clash exactly if one of each kind clashes with the
  // one of the other kind that reaches farthest so far.
  llvm::sort(segment, [](const Access &a, const Access &b) {
    return std::tie(a.arena, a.begin) < std::tie(b.arena, b.begin);
  });
  const Access *farthest[2] = {nullptr, nullptr};
  for (const Access &access : segment) {
    const Access *other = farthest[!access.isRead];
    if (other && other->arena == access.arena && other->end > access.begin) {
      const Access &reader = access.isRead ? access : *other;
      const Access &writer = access.isRead ? *other : access;
      InFlightDiagnostic diagnostic =
          writer.op->emitOpError()
          << "writes what peers read, with no barrier over " << axes.str()
          << " between";
      diagnostic.attachNote(reader.op->getLoc()) << "they read it here";
      return diagnostic;
    }
    const Access *&mine = farthest[access.isRead];
    if (!mine || mine->arena != access.arena || mine->end < access.end)
      mine = &access;
  }
  return success();
}

LogicalResult Verifier::checkSegments(dist::AxesAttr axes) const {
  SmallVector<Access> segment;
  bool isFirst = true;
  for (Operation &op : block.without_terminator()) {
    auto planned = dyn_cast<PlannedOpInterface>(op);
    if (!planned)
      return op.emitOpError() << "is not an instruction";
    if (planned.isAlias())
      continue;
    // Who orders reads before that, and writes after it.
    dist::AxesAttr ordered = planned.getOrderedAxes();
    if (ordered && exec::coversAxes(ordered, axes)) {
      if (failed(checkSegment(segment, isFirst, /*isLast=*/false, axes)))
        return failure();
      segment.clear();
      isFirst = false;
    }
    for (OpResult result : op.getResults()) {
      SlotAttr slot = planned.getSlotOf(result.getResultNumber());
      if (!slot)
        return op.emitOpError() << "has no slot for " << result.getType();
      segment.push_back(
          makeAccess(&op, slot, result.getType(), /*isRead=*/false));
    }
    for (Value operand : op.getOperands())
      if (auto view = operand.getDefiningOp<PeerViewOp>();
          view && view.getAxes() == axes)
        // Of own pieces, peers read all.
        segment.push_back(makeAccess(&op, view.getSlotAttr(),
                                     view.getOperand().getType(),
                                     /*isRead=*/true));
  }
  return checkSegment(segment, isFirst, /*isLast=*/true, axes);
}

LogicalResult Verifier::run() {
  llvm::SetVector<dist::AxesAttr> lists;
  for (auto view : block.getOps<PeerViewOp>()) {
    if (!view.getSlotAttr())
      return view.emitOpError() << "has no slot";
    if (failed(checkUses(view)))
      return failure();
    lists.insert(view.getAxes());
  }
  for (dist::AxesAttr axes : lists)
    if (failed(checkSegments(axes)))
      return failure();
  return success();
}

namespace {
struct VerifyPeersPass : lowering::impl::VerifyPeersPassBase<VerifyPeersPass> {
  using VerifyPeersPassBase::VerifyPeersPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && failed(Verifier(function).run()))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
