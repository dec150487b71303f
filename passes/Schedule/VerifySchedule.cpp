//===- VerifySchedule.cpp - May this order be executed? -------------------===//

#include "passes/Analysis/Liveness.h"
#include "passes/Schedule/Passes.h"

#define DEBUG_TYPE "schedule-verify"

namespace mlir::schedule {
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#include "passes/Schedule/Passes.h.inc"
} // namespace mlir::schedule

using namespace mlir;

/// Every other reader of what `update` overwrites stands before it.
static LogicalResult verifyUpdate(Operation *update) {
  llvm::SmallPtrSet<Value, 4> seen;
  for (Value version : analysis::getUpdatedVersions(update)) {
    if (!seen.insert(version).second)
      return update->emitOpError() << "updates one value twice";
    for (Operation *reader : analysis::getReaders(version))
      if (reader != update && !reader->isBeforeInBlock(update)) {
        InFlightDiagnostic error =
            reader->emitOpError()
            << "reads a value that was updated in place before";
        error.attachNote(update->getLoc()) << "updated here";
        return error;
      }
  }
  return success();
}

namespace {
class VerifySchedule
    : public schedule::impl::VerifySchedulePassBase<VerifySchedule> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    markAllAnalysesPreserved();
    if (function.isExternal())
      return;
    if (!llvm::hasSingleElement(function.getBody())) {
      function.emitOpError() << "must have one block to be scheduled, found "
                             << function.getBody().getBlocks().size();
      return signalPassFailure();
    }
    for (Operation &op : function.getBody().front())
      if (failed(verifyUpdate(&op)))
        return signalPassFailure();
  }
};
} // namespace
