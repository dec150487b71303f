//===- ReadModel.h - A model's file as a module -----------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_READMODEL_H
#define FABRIC_COMPILER_DRIVER_READMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace mlir::fabric {

/// Brackets of all kinds inside of each other, at most.
inline constexpr int kMaxNesting = 256;

struct Model {
  std::string text; ///< As it stands in the file.
  OwningOpRef<ModuleOp> module;
};

/// Reads and verifies an MLIR file that holds one model: one public function
/// whose every argument says what it is. Fails with diagnostics that name the
/// file and, where there is one, the line.
FailureOr<Model> readModel(MLIRContext *context, StringRef path);

/// The same for a text in memory; the buffer's name stands for the file's.
FailureOr<Model> parseModel(MLIRContext *context,
                            std::unique_ptr<llvm::MemoryBuffer> file);

/// MLIR's parser recurses into brackets without a limit, and makes room for as
/// many results as a use's number says: fails, with a diagnostic, on a text
/// that would exhaust the stack or the memory. So it does on bytecode, whose
/// reader in MLIR is not made for files that somebody else wrote.
LogicalResult checkText(MLIRContext *context, const llvm::MemoryBuffer &file);

/// Any module in a text, verified; null, with diagnostics, if there is none.
OwningOpRef<ModuleOp> parseModule(MLIRContext *context,
                                  std::unique_ptr<llvm::MemoryBuffer> file);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_READMODEL_H
