//===- VerifyCommand.h - What fabric-verify does ----------------*- C++ -*-===//
//
// Without MLIR's headers, so that the command line can be parsed by code that
// is compiled with exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_COMPILER_VERIFY_VERIFYCOMMAND_H
#define FABRIC_COMPILER_VERIFY_VERIFYCOMMAND_H

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::fabric {

struct MeshSize {
  int64_t dp = 1, tp = 1;
};

/// The command line of fabric-verify, as it was given.
struct VerifyCommand {
  std::string model;
  std::vector<MeshSize> meshes;
  std::string tpPlan;
  std::string weights; ///< Empty: drawn from `seed`.
  std::vector<std::string> data;
  uint64_t seed = 0;
  double tolerance = 1e-12;
  bool sharedMemory = false; ///< As fabric-compile --comm=local.
  std::string memory = "fast";
  bool fsdpAuto = false;
  bool joinProducts = false; ///< As fabric-compile --join-products.
  bool overlap = false; ///< As fabric-compile --overlap=on.
};

/// In f64: compiles the model's loss and every gradient (or, without a loss,
/// its results) for each mesh, runs the plan on that many ranks, and compares
/// with the interpreter's run of the unsharded program. Prints a table on
/// standard output, and for each mesh that differs a line on standard error
/// that says where first. Returns 0 if everything agrees, 1 if not or if
/// something failed.
int runVerify(const VerifyCommand &command);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_VERIFY_VERIFYCOMMAND_H
