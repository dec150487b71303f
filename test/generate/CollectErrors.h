//===- CollectErrors.h - Errors as text -------------------------*- C++ -*-===//

#ifndef FABRIC_TEST_GENERATE_COLLECTERRORS_H
#define FABRIC_TEST_GENERATE_COLLECTERRORS_H

#include "mlir/IR/Diagnostics.h"
#include <string>

namespace mlir::fabric::generate {

/// While it lives, keeps what errors say and drops remarks, of which passes on
/// generated programs make many.
class CollectErrors : public ScopedDiagnosticHandler {
public:
  explicit CollectErrors(MLIRContext *context)
      : ScopedDiagnosticHandler(context) {
    setHandler([this](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        text += diagnostic.str() + "\n";
      return success();
    });
  }
  std::string take() { return std::exchange(text, ""); }

private:
  std::string text;
};

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_COLLECTERRORS_H
