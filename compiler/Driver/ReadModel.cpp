//===- ReadModel.cpp - A model's file as a module -------------------------===//

#include "compiler/Driver/ReadModel.h"
#include "compiler/Driver/DenseConstants.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "dialects/Fabric/IR/Model.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
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

/// Looks at brackets and numbers of results outside of strings and comments.
/// Null where all is well, else what is wrong.
static const char *findExcess(StringRef text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
    case '"':
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        if (text[i] == '\\')
          ++i;
      break;
    case '/':
      if (text.substr(i).starts_with("//"))
        i = std::min(text.find('\n', i), text.size());
      break;
    case '-': // An arrow closes nothing.
      if (text.substr(i).starts_with("->"))
        ++i;
      break;
    case '(':
    case '[':
    case '{':
    case '<':
      if (++depth > kMaxNesting)
        return "brackets are nested deeper than 256 levels";
      break;
    case ')':
    case ']':
    case '}':
    case '>':
      depth = std::max(depth - 1, 0);
      break;
    case '#': // %x#3
      if (text.substr(i + 1).take_while(llvm::isDigit).size() > 5)
        return "the number of a result has more than 5 digits";
      break;
    default:
      break;
    }
  }
  return nullptr;
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
  return parseModel(context, std::move(*file));
}

LogicalResult mlir::fabric::checkText(MLIRContext *context,
                                      const llvm::MemoryBuffer &file) {
  // MLIR's reader of it trusts what it reads.
  if (isBytecode(file.getMemBufferRef()))
    return emitError(UnknownLoc::get(context))
           << file.getBufferIdentifier()
           << ": expected text, found MLIR bytecode";
  if (const char *excess = findExcess(file.getBuffer()))
    return emitError(
               FileLineColLoc::get(context, file.getBufferIdentifier(), 1, 1))
           << excess;
  return success();
}

OwningOpRef<ModuleOp>
mlir::fabric::parseModule(MLIRContext *context,
                          std::unique_ptr<llvm::MemoryBuffer> file) {
  if (failed(checkText(context, *file)))
    return nullptr;
  // A module without an op of ours gets attributes of ours all the same.
  context->loadDialect<dist::DistDialect, FabricDialect>();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(file), SMLoc());
  return parseSourceFile<ModuleOp>(sources, context);
}

FailureOr<Model>
mlir::fabric::parseModel(MLIRContext *context,
                         std::unique_ptr<llvm::MemoryBuffer> file) {
  Model model;
  model.text = file->getBuffer().str();
  model.module = parseModule(context, std::move(file));
  if (!model.module)
    return failure();
  FailureOr<func::FuncOp> function = findModel(*model.module);
  if (failed(function) || failed(verifyArguments(*function)) ||
      failed(makeConstantsDense(*model.module)))
    return failure();
  return model;
}
