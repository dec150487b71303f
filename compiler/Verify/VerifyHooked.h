//===- VerifyHooked.h - fabric-verify with passes put in --------*- C++ -*-===//

#ifndef FABRIC_COMPILER_VERIFY_VERIFYHOOKED_H
#define FABRIC_COMPILER_VERIFY_VERIFYHOOKED_H

#include "compiler/Driver/Compile.h"
#include "compiler/Verify/VerifyCommand.h"

namespace mlir::fabric {

/// What fabric-verify does, on a compiler that has the hook's passes too: tests
/// plant faults.
int runVerify(const VerifyCommand &command, const PhaseHook &afterPhase);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_VERIFYHOOKED_H
