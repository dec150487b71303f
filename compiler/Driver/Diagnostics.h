//===- Diagnostics.h - Errors of the compiler, one line each ----*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_DIAGNOSTICS_H
#define FABRIC_COMPILER_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include <string>

namespace mlir::fabric {

/// "model.mlir:7:8" of the first file position in `loc`; empty if it has none.
std::string describeLocation(Location loc);

/// What is printed beside errors.
struct ShownDiagnostics {
  bool warnings = true, remarks = true, notes = true;
};

/// While it lives, prints each diagnostic on one line of standard error, as
/// "tool: error: model.mlir:7:8: message", and the reason that a note gives
/// behind it.
class LineDiagnostics : public ScopedDiagnosticHandler {
public:
  LineDiagnostics(MLIRContext *context, StringRef tool, ShownDiagnostics shown);
};

/// "tool: error: message" on standard error.
void printError(StringRef tool, const Twine &message);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_DIAGNOSTICS_H
