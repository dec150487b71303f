//===- OptCommand.h - What fabric-opt does ----------------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_OPTCOMMAND_H
#define FABRIC_COMPILER_DRIVER_OPTCOMMAND_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::fabric {

/// MLIR's opt tool with all of its options, but for people: what it has to say
/// about a module is a line of standard error each, as in our other tools, and
/// texts that would exhaust MLIR's parser are refused. Under
/// `-verify-diagnostics` it is MLIR's tool unchanged. Returns the exit code.
int runOpt(int argc, char **argv, DialectRegistry &registry);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_OPTCOMMAND_H
