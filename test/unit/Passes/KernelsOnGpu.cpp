//===- KernelsOnGpu.cpp - Kernels of tests, on an emulated GPU ------------===//
//
// Their PTX, on buffers of the device that are as large as the tests' and no
// larger.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "passes/Lowering/Kernels/Gpu/CompileGpuKernels.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "test/gpu/emulator/Launch.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::lowering;
namespace emulator = ::fabric::emulator;

namespace fabric_test {
namespace {

/// What plans promise of a buffer.
constexpr int64_t alignment = 64;

/// Device memory of one call: what the host has at its addresses.
class CallMemory {
public:
  explicit CallMemory(emulator::DeviceMemory &memory) : memory(memory) {}
  ~CallMemory() {
    for (auto [address, bytes] : allocations)
      memory.release(address);
  }

  /// The device's for the host's; the same for the same.
  void *place(void *host, int64_t bytes) {
    uint64_t &address = places[host];
    if (address == 0) {
      address = allocate(bytes);
      std::memcpy(at(address), host, bytes);
    }
    return reinterpret_cast<void *>(address);
  }
  uint64_t allocate(int64_t bytes) {
    uint64_t address = *memory.allocate(bytes, alignment);
    allocations[address] = bytes;
    return address;
  }
  void fetchAll() {
    for (auto [host, address] : places)
      std::memcpy(host, at(address), allocations[address]);
  }

private:
  std::byte *at(uint64_t address) {
    return memory.find(address, allocations[address])->bytes.get();
  }

  emulator::DeviceMemory &memory;
  llvm::DenseMap<uint64_t, int64_t> allocations; ///< Bytes by address.
  llvm::DenseMap<void *, uint64_t> places;
};

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
      SmallVector<int64_t> alignments(kernel.getNumArguments(), alignment);
      FailureOr<GpuKernel> built = buildGpuKernel(kernel, alignments, *device);
      if (failed(built))
        return nullptr;
      library->add(kernel, *built);
    }
    FailureOr<SmallVector<char>> text = compileGpuKernels(*device, "sm_80");
    if (failed(text))
      return nullptr;
    auto code = emulator::parsePtx({text->data(), text->size()});
    if (code.failed()) {
      ADD_FAILURE() << code.message();
      return nullptr;
    }
    library->code = std::move(*code);
    return library;
  }

  void call(const char *name, llvm::ArrayRef<void *> buffers) const override {
    auto it = kernels.find(name);
    ASSERT_TRUE(it != kernels.end()) << name;
    const Kernel &kernel = it->second;
    CallMemory held(memory);
    std::vector<uint64_t> scratch;
    for (int64_t bytes : kernel.scratchBytes)
      scratch.push_back(held.allocate(bytes));
    for (const Stage &stage : kernel.stages) {
      std::vector<void *> operands;
      for (GpuBuffer buffer : stage.buffers) {
        if (buffer.kind == GpuBuffer::Kind::Scratch) {
          operands.push_back(reinterpret_cast<void *>(scratch[buffer.number]));
          continue;
        }
        bool isResult = buffer.kind == GpuBuffer::Kind::Result;
        size_t number = buffer.number + (isResult ? kernel.numArguments : 0);
        operands.push_back(
            held.place(buffers[number], kernel.bufferBytes[number]));
      }
      ::fabric::Status launched = launcher.launch(
          code, code.entries.at(stage.name), stage.grid, operands);
      ASSERT_TRUE(launched.ok()) << stage.name << ": " << launched.message();
    }
    held.fetchAll();
  }

private:
  struct Stage {
    std::string name;
    ::fabric::plan::Grid grid;
    std::vector<GpuBuffer> buffers;
  };
  struct Kernel {
    unsigned numArguments;
    std::vector<int64_t> bufferBytes; ///< Of arguments, then of results.
    std::vector<int64_t> scratchBytes;
    std::vector<Stage> stages;
  };

  void add(func::FuncOp kernel, const GpuKernel &built) {
    Kernel &entry = kernels[kernel.getSymName()];
    entry.numArguments = kernel.getNumArguments();
    for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                              kernel.getResultTypes()))
      entry.bufferBytes.push_back(
          mlir::fabric::getNumBytes(cast<RankedTensorType>(type)));
    for (RankedTensorType type : built.scratch)
      entry.scratchBytes.push_back(mlir::fabric::getNumBytes(type));
    for (const GpuStage &stage : built.stages) {
      gpu::GPUFuncOp function = stage.function;
      std::vector<GpuBuffer> buffers(stage.inputs.begin(), stage.inputs.end());
      buffers.insert(buffers.end(), stage.outputs.begin(), stage.outputs.end());
      entry.stages.push_back({function.getName().str(),
                              {{(*function.getKnownGridSize())[0], 1, 1},
                               {(*function.getKnownBlockSize())[0], 1, 1},
                               0},
                              std::move(buffers)});
    }
  }

  llvm::StringMap<Kernel> kernels;
  emulator::Code code;
  mutable emulator::DeviceMemory memory;
  mutable emulator::Launcher launcher{memory};
};

} // namespace

std::unique_ptr<Library> loadKernels(ModuleOp module, const KernelTarget &) {
  return GpuLibrary::create(module);
}

} // namespace fabric_test
