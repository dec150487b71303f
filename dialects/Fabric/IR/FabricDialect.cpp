//===- FabricDialect.cpp - The fabric dialect -----------------------------===//

#include "dialects/Dist/IR/AttributeChecks.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::fabric;

#include "dialects/Fabric/IR/FabricDialect.cpp.inc"
#include "dialects/Fabric/IR/FabricInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Fabric/IR/FabricOps.cpp.inc"

void FabricDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Fabric/IR/FabricOps.cpp.inc"
      >();
}

Operation *FabricDialect::materializeConstant(OpBuilder &builder,
                                              Attribute value, Type type,
                                              Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!elements || !tensor ||
      elements.getShapedType().getShape() != tensor.getShape())
    return nullptr;
  return ConstantOp::create(builder, loc, tensor, elements);
}

//===----------------------------------------------------------------------===//
// Attributes of modules, arguments and results
//===----------------------------------------------------------------------===//

LogicalResult FabricDialect::verifyOperationAttribute(Operation *op,
                                                      NamedAttribute attr) {
  if (attr.getName() != kTrainAttr && attr.getName() != kTrainedAttr)
    return dist::refuseUnknown(op, attr);
  if (!isa<ModuleOp>(op) || !isa<TrainAttr>(attr.getValue()))
    return op->emitOpError()
           << "attribute " << attr.getName()
           << " is a #fabric.train of a module, found " << attr.getValue();
  return success();
}

/// What has an attribute of the model is a tensor that can be in a plan.
static LogicalResult verifyTensor(Operation *op, StringRef place,
                                  unsigned index, NamedAttribute attr,
                                  Type type) {
  if (dist::isSupportedTensor(type))
    return success();
  return op->emitOpError()
         << place << ' ' << index << " with attribute " << attr.getName()
         << " must be a tensor of static shape, sizes of at least 1, in at "
            "most 16 dims and 2^43 bytes, found "
         << type;
}

LogicalResult FabricDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                      unsigned argIndex,
                                                      NamedAttribute attr) {
  FunctionOpInterface function = dist::requireFunction(op, attr, "arguments");
  if (!function || failed(verifyTensor(op, "argument", argIndex, attr,
                                       function.getArgumentTypes()[argIndex])))
    return failure();
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[argIndex]);
  bool known =
      (attr.getName() == kInputAttr && isa<InputAttr>(attr.getValue())) ||
      (attr.getName() == kParamAttr && isa<ParamAttr>(attr.getValue())) ||
      (attr.getName() == kStateAttr && isa<StateAttr>(attr.getValue())) ||
      (attr.getName() == kScalarAttr && isa<ScalarAttr>(attr.getValue()));
  if (!known)
    return dist::refuseUnknown(op, argIndex, attr);
  if (auto input = dyn_cast<InputAttr>(attr.getValue()))
    if (input.getBatchDim() >= type.getRank())
      return op->emitOpError()
             << "input " << input.getName() << " has batch dim "
             << input.getBatchDim() << ", but is of rank " << type.getRank();
  if (isa<ParamAttr>(attr.getValue()) && !isa<FloatType>(type.getElementType()))
    return op->emitOpError()
           << "parameter " << cast<ParamAttr>(attr.getValue()).getName()
           << " must be of a float type, found " << type;
  return success();
}

/// A result is written as a file of its name.
static bool isFileName(StringRef name) {
  return !name.empty() && name.size() <= 200 && llvm::all_of(name, [](char c) {
    return c != '/' && static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
  });
}

LogicalResult FabricDialect::verifyRegionResultAttribute(Operation *op,
                                                         unsigned,
                                                         unsigned resultIndex,
                                                         NamedAttribute attr) {
  FunctionOpInterface function = dist::requireFunction(op, attr, "results");
  if (!function || failed(verifyTensor(op, "result", resultIndex, attr,
                                       function.getResultTypes()[resultIndex])))
    return failure();
  if (auto name = dyn_cast<StringAttr>(attr.getValue());
      name && attr.getName() == kResultAttr) {
    if (isFileName(name.getValue()))
      return success();
    return op->emitOpError()
           << "result " << resultIndex << " is named " << name
           << ", which cannot be the name of a file: expected 1 to 200 bytes "
              "without '/' and control characters";
  }
  if (attr.getName() == kUpdateOfAttr || attr.getName() == kGradientOfAttr) {
    auto index = dyn_cast<IntegerAttr>(attr.getValue());
    if (index && index.getInt() >= 0 &&
        index.getInt() < static_cast<int64_t>(function.getNumArguments()))
      return success();
    return op->emitOpError()
           << "attribute " << attr.getName() << " names argument "
           << attr.getValue() << " of " << function.getNumArguments();
  }
  return op->emitOpError() << "a result has an unknown attribute "
                           << attr.getName() << " = " << attr.getValue();
}

//===----------------------------------------------------------------------===//
// Types in the assembly
//===----------------------------------------------------------------------===//

ParseResult mlir::fabric::parseUnaryTypes(OpAsmParser &parser, Type &operand,
                                          Type &result) {
  return dist::parseSameType(parser, operand, result);
}

void mlir::fabric::printUnaryTypes(OpAsmPrinter &printer, Operation *op,
                                   Type operand, Type result) {
  dist::printSameType(printer, op, operand, result);
}

ParseResult mlir::fabric::parseBinaryTypes(OpAsmParser &parser, Type &lhs,
                                           Type &rhs, Type &result) {
  if (failed(parser.parseOptionalLParen())) {
    if (parser.parseType(lhs))
      return failure();
    rhs = result = lhs;
    return success();
  }
  return failure(parser.parseType(lhs) || parser.parseComma() ||
                 parser.parseType(rhs) || parser.parseRParen() ||
                 parser.parseArrow() || parser.parseType(result));
}

void mlir::fabric::printBinaryTypes(OpAsmPrinter &printer, Operation *,
                                    Type lhs, Type rhs, Type result) {
  if (lhs == rhs && lhs == result)
    printer << lhs;
  else
    printer << '(' << lhs << ", " << rhs << ") -> " << result;
}
