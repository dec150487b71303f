//===- FabricDialect.cpp - The fabric dialect -----------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

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
    return op->emitOpError() << "unknown attribute " << attr.getName();
  if (!isa<ModuleOp>(op) || !isa<TrainAttr>(attr.getValue()))
    return op->emitOpError()
           << "attribute " << attr.getName()
           << " is a #fabric.train of a module, found " << attr.getValue();
  return success();
}

LogicalResult FabricDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                      unsigned argIndex,
                                                      NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << "attribute " << attr.getName()
                             << " belongs on arguments of a function";
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[argIndex]);
  if (!type || !type.hasStaticShape())
    return op->emitOpError()
           << "argument " << argIndex << " with attribute " << attr.getName()
           << " must be a tensor of static shape, found "
           << function.getArgumentTypes()[argIndex];
  bool known =
      (attr.getName() == kInputAttr && isa<InputAttr>(attr.getValue())) ||
      (attr.getName() == kParamAttr && isa<ParamAttr>(attr.getValue())) ||
      (attr.getName() == kStateAttr && isa<StateAttr>(attr.getValue())) ||
      (attr.getName() == kScalarAttr && isa<ScalarAttr>(attr.getValue()));
  if (!known)
    return op->emitOpError()
           << "argument " << argIndex << " has an unknown attribute "
           << attr.getName() << " = " << attr.getValue();
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

LogicalResult FabricDialect::verifyRegionResultAttribute(Operation *op,
                                                         unsigned, unsigned,
                                                         NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << "attribute " << attr.getName()
                             << " belongs on results of a function";
  if (attr.getName() == kResultAttr && isa<StringAttr>(attr.getValue()))
    return success();
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
