//===- Diagnostics.cpp - Errors of the compiler, one line each ------------===//

#include "compiler/Driver/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

std::string mlir::fabric::describeLocation(Location loc) {
  std::string text;
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    text = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" +
            Twine(file.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}

/// Messages of several lines, such as quoted IR, become one.
static std::string onOneLine(std::string text) {
  for (char &c : text)
    if (c == '\n' || c == '\r')
      c = ' ';
  return StringRef(text).rtrim().str();
}

static bool isShown(DiagnosticSeverity severity,
                    const mlir::fabric::ShownDiagnostics &shown) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return true;
  case DiagnosticSeverity::Warning:
    return shown.warnings;
  case DiagnosticSeverity::Remark:
    return shown.remarks;
  case DiagnosticSeverity::Note:
    return shown.notes;
  }
  return true;
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Note:
    return "note";
  }
  return "error";
}

mlir::fabric::LineDiagnostics::LineDiagnostics(MLIRContext *context,
                                               StringRef tool,
                                               ShownDiagnostics shown)
    : ScopedDiagnosticHandler(context) {
  setHandler([tool = tool.str(), shown](Diagnostic &diagnostic) {
    if (!isShown(diagnostic.getSeverity(), shown))
      return success();
    llvm::raw_ostream &os = llvm::errs();
    os << tool << ": " << severityName(diagnostic.getSeverity()) << ": ";
    std::string where = describeLocation(diagnostic.getLocation());
    if (!where.empty())
      os << where << ": ";
    os << onOneLine(diagnostic.str());
    for (Diagnostic &note : diagnostic.getNotes()) {
      std::string text = onOneLine(note.str());
      // The quoted op says nothing that the location does not.
      if (!isShown(note.getSeverity(), shown) ||
          StringRef(text).starts_with("see current operation"))
        continue;
      std::string elsewhere = describeLocation(note.getLocation());
      os << " (";
      if (!elsewhere.empty() && elsewhere != where)
        os << elsewhere << ": ";
      os << text << ')';
    }
    os << '\n';
    return success();
  });
}

void mlir::fabric::printError(StringRef tool, const Twine &message) {
  llvm::errs() << tool << ": error: " << message << '\n';
}
