//===- KernelsOnGpu.cpp - Kernels of tests, on an emulated GPU ------------===//

#include "EmulatedGpu.h"
#include "KernelHarness.h"
#include "passes/Lowering/Kernels/Gpu/CompileGpuKernels.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/LLVMContext.h"

using namespace mlir;
using namespace mlir::lowering;

namespace fabric_test {
namespace {

/// The stages of every kernel, run one after the other.
class GpuLibrary final : public Library {
public:
  static std::unique_ptr<Library> create(ModuleOp module) {
    DialectRegistry registry;
    registerGpuKernelDialects(registry);
    module.getContext()->appendDialectRegistry(registry);
    module.getContext()->loadAllAvailableDialects();
    auto library = std::make_unique<GpuLibrary>();
    OpBuilder builder(module.getContext());
    OwningOpRef<gpu::GPUModuleOp> device =
        gpu::GPUModuleOp::create(builder, module.getLoc(), kDeviceModule);
    for (auto kernel : module.getOps<func::FuncOp>()) {
      SmallVector<int64_t> alignments(kernel.getNumArguments(), 64);
      FailureOr<GpuKernel> built = buildGpuKernel(kernel, alignments, *device);
      if (failed(built))
        return nullptr;
      library->add(kernel, *built);
    }
    llvm::LLVMContext context;
    auto code = translateGpuKernels(*device, context);
    if (!code)
      return nullptr;
    library->gpu = std::make_unique<EmulatedGpu>(std::move(code));
    return library;
  }

  void call(const char *name, llvm::ArrayRef<void *> buffers) const override {
    auto it = kernels.find(name);
    ASSERT_TRUE(it != kernels.end()) << name;
    const Kernel &kernel = it->second;
    std::vector<Buffer<char>> scratch;
    for (int64_t bytes : kernel.scratchBytes)
      scratch.emplace_back(bytes);
    for (const Stage &stage : kernel.stages) {
      std::vector<void *> operands;
      for (GpuBuffer buffer : stage.buffers) {
        if (buffer.kind == GpuBuffer::Kind::Argument)
          operands.push_back(buffers[buffer.number]);
        else if (buffer.kind == GpuBuffer::Kind::Result)
          operands.push_back(buffers[kernel.numArguments + buffer.number]);
        else
          operands.push_back(scratch[buffer.number].get());
      }
      gpu->launch(stage.name, stage.blocks, stage.threads, operands);
    }
    for (const Buffer<char> &buffer : scratch)
      EXPECT_TRUE(buffer.hasIntactEnd()) << name;
  }

private:
  struct Stage {
    std::string name;
    int64_t blocks, threads;
    std::vector<GpuBuffer> buffers;
  };
  struct Kernel {
    unsigned numArguments;
    std::vector<int64_t> scratchBytes;
    std::vector<Stage> stages;
  };

  void add(func::FuncOp kernel, const GpuKernel &built) {
    Kernel &entry = kernels[kernel.getSymName()];
    entry.numArguments = kernel.getNumArguments();
    for (RankedTensorType type : built.scratch)
      entry.scratchBytes.push_back(mlir::fabric::getNumBytes(type));
    for (const GpuStage &stage : built.stages) {
      gpu::GPUFuncOp function = stage.function;
      std::vector<GpuBuffer> buffers(stage.inputs.begin(), stage.inputs.end());
      buffers.insert(buffers.end(), stage.outputs.begin(), stage.outputs.end());
      entry.stages.push_back(
          {function.getName().str(), (*function.getKnownGridSize())[0],
           (*function.getKnownBlockSize())[0], std::move(buffers)});
    }
  }

  llvm::StringMap<Kernel> kernels;
  std::unique_ptr<EmulatedGpu> gpu;
};

} // namespace

std::unique_ptr<Library> loadKernels(ModuleOp module, const KernelTarget &) {
  return GpuLibrary::create(module);
}

} // namespace fabric_test
