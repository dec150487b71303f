//===- OpTable.h - What each op means ---------------------------*- C++ -*-===//
//
// Private to the interpreter: a table from op names to plain functions. A new
// op is a function in the file of its family and a line in that file's register
// function. Meanings are written out here once more, on purpose: nothing is
// taken from the op's interfaces, which are what is being tested.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_INTERPRETER_OPTABLE_H
#define FABRIC_COMPILER_INTERPRETER_OPTABLE_H

#include "compiler/Interpreter/Devices.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fabric::interpreter {

/// The operands of one device, and results that are zeros of their types when
/// the function is called. Fails with a diagnostic.
using LocalFunction = LogicalResult (*)(Operation *op,
                                        ArrayRef<const Tensor *> operands,
                                        MutableArrayRef<Tensor> results);

/// The operand and the result of every device. `operands` is empty for an op
/// without operands.
using GroupFunction = LogicalResult (*)(Operation *op, const DeviceMesh &mesh,
                                        ArrayRef<const Tensor *> operands,
                                        MutableArrayRef<Tensor> results);

struct OpTable {
  /// Each device for itself.
  llvm::StringMap<LocalFunction> local;
  /// All devices together, on local tensors.
  llvm::StringMap<GroupFunction> group;
  /// Identities of the global value, as long as shapes are global.
  llvm::StringMap<bool> globalIdentities;

  static const OpTable &get();
};

void registerElementwise(OpTable &table);
void registerContraction(OpTable &table);
void registerReduction(OpTable &table);
void registerShape(OpTable &table);
void registerOptimizer(OpTable &table);
void registerCollectives(OpTable &table);
void registerInstructions(OpTable &table);

} // namespace mlir::fabric::interpreter

#endif // FABRIC_COMPILER_INTERPRETER_OPTABLE_H
