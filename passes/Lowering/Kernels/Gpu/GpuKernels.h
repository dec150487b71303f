//===- GpuKernels.h - Kernels as launches on a GPU --------------*- C++ -*-===//
//
// A kernel (Kernels.h) becomes one or more functions of a gpu.module, which run
// one after the other on grids of their own:
//
//   scalars   what depends on rank-0 tensors alone and costs something, by one
//             thread, into scratch that the others read
//   NAME      the loops; several where sums disagree about them
//   parts     adds what the blocks of a long sum have left in scratch
//
// A function takes a flat memref for each of its buffers: inputs, then outputs.
// Its grid and block are its known_grid_size and known_block_size.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUKERNELS_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUKERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::lowering {

/// The gpu.module in the module of a plan's kernels.
inline constexpr StringLiteral kDeviceModule{"device"};

/// The code of a kernel of that name; null where there is none.
gpu::GPUFuncOp lookupGpuCode(ModuleOp kernels, StringRef name);

/// A buffer of a stage by what it is to the kernel.
struct GpuBuffer {
  enum class Kind { Argument, Result, Scratch };
  Kind kind;
  unsigned number;
  bool operator==(const GpuBuffer &other) const {
    return kind == other.kind && number == other.number;
  }
};

struct GpuStage {
  gpu::GPUFuncOp function;
  SmallVector<GpuBuffer> inputs, outputs;
  bool isScalars = false;
};

struct GpuKernel {
  SmallVector<RankedTensorType> scratch;
  SmallVector<GpuStage> stages;
};

/// Makes the functions of a kernel, which is left as it is, where its arguments
/// are aligned to so many bytes; results and scratch are to 64. Results may
/// share the buffers of arguments as `mayShareBuffer` says. A stage that takes
/// a result as an input goes on with what stages before have written there.
/// Fails with a diagnostic where the function is not a kernel.
FailureOr<GpuKernel> buildGpuKernel(func::FuncOp kernel,
                                    ArrayRef<int64_t> alignments,
                                    gpu::GPUModuleOp module);

/// PTX for a module of such functions, an `.entry` each, for GPUs from `arch`
/// ("sm_90") on. Needs no CUDA. The same functions (locations aside) give the
/// same text.
FailureOr<SmallVector<char>> compileGpuKernels(gpu::GPUModuleOp kernels,
                                               StringRef arch);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_GPUKERNELS_H
