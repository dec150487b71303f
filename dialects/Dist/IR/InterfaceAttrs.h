//===- InterfaceAttrs.h - Attributes of a function's interface --*- C++ -*-===//

#ifndef FABRIC_DIALECTS_DIST_INTERFACEATTRS_H
#define FABRIC_DIALECTS_DIST_INTERFACEATTRS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::dist {

/// Sets attributes of many arguments and results at once, when it is applied.
/// A function keeps them in one list, which setArgAttr() makes anew each time:
/// for thousands of parameters that is quadratic, and the context keeps every
/// version.
class InterfaceAttrs {
public:
  explicit InterfaceAttrs(FunctionOpInterface function) : function(function) {}

  void setArg(unsigned index, StringRef name, Attribute value) {
    args.push_back({index, name, value});
  }
  void setResult(unsigned index, StringRef name, Attribute value) {
    results.push_back({index, name, value});
  }
  /// Attributes that are set twice have the last value, a null one removes the
  /// attribute; others stay.
  void apply();

private:
  struct Entry {
    unsigned index;
    StringRef name;
    Attribute value;
  };

  FunctionOpInterface function;
  SmallVector<Entry> args, results;
};

} // namespace mlir::dist

#endif // FABRIC_DIALECTS_DIST_INTERFACEATTRS_H
