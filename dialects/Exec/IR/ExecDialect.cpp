//===- ExecDialect.cpp - The exec dialect and its attributes --------------===//

#include "dialects/Dist/IR/AttributeChecks.h"
#include "dialects/Exec/IR/Exec.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::exec;

#include "dialects/Exec/IR/ExecDialect.cpp.inc"
#include "dialects/Exec/IR/ExecEnums.cpp.inc"
#include "dialects/Exec/IR/ExecInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Exec/IR/ExecAttrs.cpp.inc"

void ExecDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Exec/IR/ExecOps.cpp.inc"
      >();
}

void ExecDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Exec/IR/ExecAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Attributes of modules and arguments
//===----------------------------------------------------------------------===//

LogicalResult ExecDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attr) {
  if (attr.getName() == kLoopsAttr) {
    auto loops = dyn_cast<DenseI64ArrayAttr>(attr.getValue());
    if (!loops ||
        llvm::any_of(loops.asArrayRef(), [](int64_t loop) { return loop < 0; }))
      return op->emitOpError()
             << "attribute " << attr.getName()
             << " is an array of loops, found " << attr.getValue();
    return success();
  }
  if (attr.getName() != kArenasAttr)
    return dist::refuseUnknown(op, attr);
  auto arenas = dyn_cast<ArrayAttr>(attr.getValue());
  if (!isa<ModuleOp>(op) || !arenas ||
      !llvm::all_of(arenas, [](Attribute a) { return isa<ArenaAttr>(a); }))
    return op->emitOpError() << "attribute " << attr.getName()
                             << " is an array of #exec.arena of a module";
  return success();
}

LogicalResult ExecDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned argIndex,
                                                    NamedAttribute attr) {
  FunctionOpInterface function = dist::requireFunction(op, attr, "arguments");
  if (!function)
    return failure();
  if (attr.getName() == kSlotAttr && isa<SlotAttr>(attr.getValue()))
    return success();
  if (attr.getName() != kMayAliasAttr)
    return dist::refuseUnknown(op, argIndex, attr);
  auto results = dyn_cast<DenseI64ArrayAttr>(attr.getValue());
  if (!results)
    return op->emitOpError()
           << "attribute " << attr.getName()
           << " is an array of results, found " << attr.getValue();
  for (int64_t result : results.asArrayRef())
    if (result < 0 || result >= function.getNumResults() ||
        function.getResultTypes()[result] !=
            function.getArgumentTypes()[argIndex])
      return op->emitOpError()
             << "argument " << argIndex << " may alias results of its type, "
             << "found result " << result;
  return success();
}

LogicalResult SlotAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArenaKind, int64_t offset, MemoryClass) {
  if (offset < 0)
    return emitError() << "expects an offset of at least 0, found " << offset;
  return success();
}

LogicalResult ArenaAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArenaKind, int64_t bytes) {
  if (bytes < 0)
    return emitError() << "expects a size of at least 0, found " << bytes;
  return success();
}

LogicalResult MatrixAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t leading, int64_t batchStride, bool,
                                 int64_t offset) {
  if (leading < 1 || batchStride < 0 || offset < 0)
    return emitError() << "expects a positive leading dimension, a batch "
                          "stride and an offset of at least 0, found "
                       << leading << ", " << batchStride << " and " << offset;
  return success();
}

int64_t mlir::exec::getNumBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() *
         llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}
