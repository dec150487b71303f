//===- ReadModel.cpp - A model's file as a module -------------------------===//

#include "compiler/Driver/ReadModel.h"
#include "compiler/Interpreter/Interpreter.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::fabric;

/// Every argument is an input, a parameter, a state or a scalar.
static LogicalResult verifyArguments(func::FuncOp function) {
  static constexpr StringLiteral roles[] = {
      FabricDialect::kInputAttr, FabricDialect::kParamAttr,
      FabricDialect::kStateAttr, FabricDialect::kScalarAttr};
  for (unsigned arg = 0; arg < function.getNumArguments(); ++arg) {
    auto has = [&](StringRef role) {
      return bool(function.getArgAttr(arg, role));
    };
    if (llvm::count_if(roles, has) != 1)
      return emitError(function.getArgument(arg).getLoc())
             << "argument " << arg << " of the model must be one of "
             << "fabric.input, fabric.param, fabric.state and fabric.scalar";
  }
  return success();
}

FailureOr<Model> mlir::fabric::readModel(MLIRContext *context, StringRef path) {
  Location nowhere = UnknownLoc::get(context);
  if (llvm::sys::fs::is_directory(path)) {
    emitError(nowhere) << "cannot read " << path << ": is a directory";
    return failure();
  }
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    emitError(nowhere) << "cannot read " << path << ": "
                       << file.getError().message();
    return failure();
  }
  Model model;
  model.text = (*file)->getBuffer().str();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*file), SMLoc());
  model.module = parseSourceFile<ModuleOp>(sources, context);
  if (!model.module)
    return failure();
  FailureOr<func::FuncOp> function = interpreter::findModel(*model.module);
  if (failed(function) || failed(verifyArguments(*function)))
    return failure();
  return model;
}
