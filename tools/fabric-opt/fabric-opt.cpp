//===- fabric-opt.cpp - Runs passes on MLIR files -------------------------===//

#include "compiler/Registration.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fabric::registerDialects(registry);
  mlir::fabric::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Fabric's optimizer and partitioner\n", registry));
}
