//===- OpMakers.cpp - How each op is generated ----------------------------===//

#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric::generate;

ArrayRef<OpMaker> mlir::fabric::generate::getOpMakers() {
  static const SmallVector<OpMaker> all = [] {
    SmallVector<OpMaker> all;
    for (ArrayRef<OpMaker> makers : {getFunctionMakers(), getChoiceMakers(),
                                     getShapeMakers(), getSumMakers()})
      llvm::append_range(all, makers);
    return all;
  }();
  return all;
}

Margin mlir::fabric::generate::getMargin(StringRef op) {
  for (const OpMaker &maker : getOpMakers())
    if (maker.op == op && maker.margin)
      return maker.margin;
  return nullptr;
}
