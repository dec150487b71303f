//===- AttributeChecks.h - What attributes of dialects ask for --*- C++ -*-===//
//
// Attributes of modules, arguments and results are verified by their dialects;
// these are the checks that more than one of them makes.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_DIST_IR_ATTRIBUTECHECKS_H
#define FABRIC_DIALECTS_DIST_IR_ATTRIBUTECHECKS_H

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::dist {

/// The attribute's value; null, with an error on `op`, if it is of another
/// kind.
template <typename AttrT>
AttrT requireKind(Operation *op, NamedAttribute attr) {
  auto value = dyn_cast<AttrT>(attr.getValue());
  if (!value)
    op->emitOpError() << "attribute " << attr.getName() << " must be a #"
                      << AttrT::name << ", found " << attr.getValue();
  return value;
}

/// The function on whose `place`, "arguments" or "results", the attribute
/// stands; null, with an error on `op`, if that is none.
inline FunctionOpInterface requireFunction(Operation *op, NamedAttribute attr,
                                           StringRef place) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    op->emitOpError() << "attribute " << attr.getName() << " belongs on "
                      << place << " of a function";
  return function;
}

/// For what no attribute of the dialect is named.
inline LogicalResult refuseUnknown(Operation *op, NamedAttribute attr) {
  return op->emitOpError() << "unknown attribute " << attr.getName();
}

/// The same on an argument of a function.
inline LogicalResult refuseUnknown(Operation *op, unsigned argument,
                                   NamedAttribute attr) {
  return op->emitOpError() << "argument " << argument
                           << " has an unknown attribute " << attr.getName()
                           << " = " << attr.getValue();
}

} // namespace mlir::dist

#endif // FABRIC_DIALECTS_DIST_IR_ATTRIBUTECHECKS_H
