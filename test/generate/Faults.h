//===- Faults.h - Mistakes that checks must find ----------------*- C++ -*-===//
//
// What a wrong pass could make of a program: a reduction that is missing, done
// twice or over the wrong axes, a gather along the wrong dim, a wrong factor,
// padding that is counted.
// Types stay valid where they can, so that values are all that is wrong.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_FAULTS_H
#define FABRIC_TEST_GENERATE_FAULTS_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fabric::generate {

struct FaultKind {
  StringLiteral name;
  /// The phase after which it is planted.
  StringLiteral phase;
  /// How many places a module has for it.
  unsigned (*countPlaces)(ModuleOp module);
  void (*plant)(ModuleOp module, unsigned place);
};

ArrayRef<FaultKind> getFaultKinds();

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_FAULTS_H
