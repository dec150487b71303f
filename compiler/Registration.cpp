//===- Registration.cpp - All dialects and passes of Fabric ---------------===//

#include "compiler/Registration.h"
#include "compiler/Pipelines.h"
#include "dialects/Dist/IR/Dist.h"
#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Lowering/Kernels/Gpu/CompileGpuKernels.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "passes/Lowering/Kernels/KernelsToLLVM.h"
#include "passes/Lowering/Kernels/Passes.h"
#include "passes/Lowering/Passes.h"
#include "passes/Partition/Passes.h"
#include "passes/Schedule/Passes.h"
#include "passes/Sharding/Passes.h"
#include "passes/Training/Passes.h"

using namespace mlir;

void mlir::fabric::registerDialects(DialectRegistry &registry) {
  registry.insert<dist::DistDialect, exec::ExecDialect, FabricDialect,
                  func::FuncDialect>();
  training::registerDerivatives(registry);
  // So that what is printed between the passes on kernels can be read again.
  lowering::registerKernelDialects(registry);
  lowering::registerGpuKernelDialects(registry);
}

void mlir::fabric::registerPasses() {
  registerCanonicalizerPass();
  registerCSEPass();
  partition::registerPartitionPasses();
  training::registerTrainingPasses();
  schedule::registerSchedulePasses();
  sharding::registerShardingPasses();
  lowering::registerLoweringPasses();
  lowering::registerKernelsPasses();
  lowering::registerKernelPipeline();
  lowering::registerGpuKernelPipeline();
  registerPipelines();
}
