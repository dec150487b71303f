//===- DistDialect.cpp - The dist dialect ---------------------------------===//

#include "dialects/Dist/IR/AttributeChecks.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::dist;

#include "dialects/Dist/IR/DistDialect.cpp.inc"
#include "dialects/Dist/IR/DistInterfaces.cpp.inc"

namespace {
/// Prints every mesh once, as `#mesh`.
struct DistAsmInterface : public OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (!isa<MeshAttr>(attr))
      return AliasResult::NoAlias;
    os << "mesh";
    return AliasResult::FinalAlias;
  }
};
} // namespace

void DistDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Dist/IR/DistOps.cpp.inc"
      >();
  addInterfaces<DistAsmInterface>();
}

LogicalResult DistDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attr) {
  if (attr.getName() == kMeshAttr) {
    if (!isa<ModuleOp>(op))
      return op->emitOpError()
             << "attribute " << attr.getName() << " belongs on a module";
    auto mesh = requireKind<MeshAttr>(op, attr);
    if (!mesh)
      return failure();
    if (!mesh.hasSizes())
      return op->emitOpError()
             << "the module's mesh needs sizes, found " << mesh;
    return success();
  }
  if (attr.getName() == kPartitionedAttr) {
    if (!isa<ModuleOp>(op) || !isa<UnitAttr>(attr.getValue()))
      return op->emitOpError() << "attribute " << attr.getName()
                               << " is a unit attribute of a module";
    return success();
  }
  if (attr.getName() == kAsyncAttr) {
    if (!isa<CollectiveOpInterface>(op) || !isa<UnitAttr>(attr.getValue()))
      return op->emitOpError() << "attribute " << attr.getName()
                               << " is a unit attribute of a collective";
    return success();
  }
  return refuseUnknown(op, attr);
}

/// Whether types are local.
static bool isPartitioned(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  return module && module->hasAttr(DistDialect::kPartitionedAttr);
}

/// What may stand on arguments and results of a function.
static LogicalResult verifyValueAttribute(Operation *op, Type type,
                                          NamedAttribute attr) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (attr.getName() == DistDialect::kTpAttr)
    return success(bool(requireKind<TpStyleAttr>(op, attr)));
  if (attr.getName() == DistDialect::kFsdpAttr) {
    auto fsdp = requireKind<FsdpAttr>(op, attr);
    if (!fsdp)
      return failure();
    if (tensor && fsdp.getDim() &&
        (*fsdp.getDim() < 0 || *fsdp.getDim() >= tensor.getRank()))
      return op->emitOpError() << fsdp << " names no dim of the type " << type;
    return success();
  }
  if (attr.getName() == DistDialect::kShardingAttr) {
    auto sharding = requireKind<ShardingAttr>(op, attr);
    if (!sharding)
      return failure();
    if (!tensor || tensor.getRank() != sharding.getRank())
      return op->emitOpError() << "a sharding of " << sharding.getRank()
                               << " dims does not fit the type " << type;
    if (isPartitioned(op) && !sharding.getMesh().hasSizes())
      return op->emitOpError()
             << "a sharding of a partitioned function needs a "
                "mesh with sizes, found "
             << sharding.getMesh();
    return success();
  }
  if (attr.getName() == DistDialect::kLogicalShapeAttr) {
    auto shape = dyn_cast<DenseI64ArrayAttr>(attr.getValue());
    if (!shape ||
        llvm::any_of(shape.asArrayRef(), [](int64_t size) { return size < 1; }))
      return op->emitOpError()
             << "attribute " << attr.getName()
             << " must be an array of positive i64, found " << attr.getValue();
    if (!tensor || tensor.getRank() != shape.size())
      return op->emitOpError() << "a logical shape of " << shape.size()
                               << " dims does not fit the type " << type;
    // Local shapes are smaller; what they are cut from is not known here.
    if (isPartitioned(op))
      return success();
    for (auto [dim, size] : llvm::enumerate(shape.asArrayRef()))
      if (size > tensor.getDimSize(dim))
        return op->emitOpError() << "logical dim " << dim << " of size " << size
                                 << " exceeds the dim of the type " << type;
    return success();
  }
  return refuseUnknown(op, attr);
}

LogicalResult DistDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned argIndex,
                                                    NamedAttribute attr) {
  FunctionOpInterface function = requireFunction(op, attr, "arguments");
  if (!function)
    return failure();
  return verifyValueAttribute(op, function.getArgumentTypes()[argIndex], attr);
}

LogicalResult DistDialect::verifyRegionResultAttribute(Operation *op, unsigned,
                                                       unsigned resultIndex,
                                                       NamedAttribute attr) {
  FunctionOpInterface function = requireFunction(op, attr, "results");
  if (!function)
    return failure();
  return verifyValueAttribute(op, function.getResultTypes()[resultIndex], attr);
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

bool mlir::dist::isSupportedTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() > kMaxTensorDims ||
      !tensor.getElementType().isIntOrFloat())
    return false;
  unsigned bits = tensor.getElementTypeBitWidth();
  if (bits < 1 || bits > 64)
    return false;
  int64_t bytes = llvm::divideCeil(bits, 8);
  for (int64_t size : tensor.getShape())
    if (size < 1 || llvm::MulOverflow(bytes, size, bytes) ||
        bytes > kMaxTensorBytes)
      return false;
  return true;
}

ShardingAttr mlir::dist::getSharding(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_if_present<ShardingAttr>(tensor.getEncoding())
                : ShardingAttr();
}

RankedTensorType mlir::dist::withSharding(RankedTensorType type,
                                          ShardingAttr sharding) {
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               sharding);
}

RankedTensorType mlir::dist::getLocalType(RankedTensorType type) {
  ShardingAttr sharding = getSharding(type);
  if (!sharding)
    return type;
  return RankedTensorType::get(sharding.getLocalShape(type.getShape()),
                               type.getElementType());
}

MeshAttr mlir::dist::getMesh(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  return module ? module->getAttrOfType<MeshAttr>(DistDialect::kMeshAttr)
                : MeshAttr();
}

FailureOr<SmallVector<Value>>
mlir::dist::cloneLocal(Operation *op, OpBuilder &builder,
                       ValueRange localOperands, TypeRange localResultTypes) {
  Operation *local = builder.clone(*op);
  local->setOperands(localOperands);
  for (auto [result, type] :
       llvm::zip_equal(local->getResults(), localResultTypes))
    result.setType(type);
  return SmallVector<Value>(local->getResults());
}

ParseResult mlir::dist::parseAxes(OpAsmParser &parser, AxesAttr &axes) {
  FailureOr<AxesAttr> parsed = AxesAttr::parseBare(parser);
  if (failed(parsed))
    return failure();
  axes = *parsed;
  return success();
}

void mlir::dist::printAxes(OpAsmPrinter &printer, Operation *, AxesAttr axes) {
  axes.printBare(printer.getStream());
}

ParseResult mlir::dist::parseReduction(OpAsmParser &parser,
                                       ReductionKindAttr &reduction) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<ReductionKind> kind = symbolizeReductionKind(keyword);
  if (!kind)
    return parser.emitError(loc, "expected sum, max or min, found ") << keyword;
  reduction = ReductionKindAttr::get(parser.getContext(), *kind);
  return success();
}

void mlir::dist::printReduction(OpAsmPrinter &printer, Operation *,
                                ReductionKindAttr reduction) {
  printer << stringifyReductionKind(reduction.getValue());
}

ParseResult mlir::dist::parseSameType(OpAsmParser &parser, Type &operand,
                                      Type &result) {
  if (parser.parseType(operand))
    return failure();
  if (succeeded(parser.parseOptionalArrow()))
    return parser.parseType(result);
  result = operand;
  return success();
}

void mlir::dist::printSameType(OpAsmPrinter &printer, Operation *, Type operand,
                               Type result) {
  printer << operand;
  if (operand != result)
    printer << " -> " << result;
}
