//===- GpuEmitter.cpp - Writes the code of a thread -----------------------===//

#include "passes/Lowering/Kernels/Gpu/GpuEmitter.h"
#include "passes/Lowering/Kernels/Gpu/ThreadEmitter.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// Without sums: each thread has elements of its own.
class ElementsEmitter : public ThreadEmitter {
public:
  using ThreadEmitter::ThreadEmitter;

  /// No loops: the body once.
  void emitScalars() { emitBodies(Place(), 1); }

  void emitElements() {
    int64_t size = gpuNest.kept.getSize(), threads = gpuNest.getNumThreads();
    int64_t ofBlock = threads * gpuNest.steps;
    int64_t blocks = gpuNest.getNumBlocks(), fullBlocks = size / ofBlock;
    Value first = add(mul(block, ofBlock), thread);
    auto emit = [&](int64_t steps, Value position) {
      SmallVector<Place> places(steps, Place(nest.sizes.size()));
      for (auto [step, place] : llvm::enumerate(places))
        resolve(gpuNest.kept, add(position, index(step * threads)), place);
      emitBodies(places, gpuNest.lanes);
    };
    Value isFull = fullBlocks == blocks || fullBlocks == 0
                       ? Value()
                       : isBelow(block, index(fullBlocks));
    if (fullBlocks > 0)
      emitIf(isFull, [&] { emit(gpuNest.steps, first); });
    if (fullBlocks < blocks) {
      Value isLast = fullBlocks == 0 ? Value() : isEqual(block, blocks - 1);
      emitIf(isLast, [&] {
        emitLoop(first, index(size), threads, {},
                 [&](Value position, ValueRange) {
                   emit(1, position);
                   return SmallVector<Value>();
                 });
      });
    }
    if (gpuNest.tail > 0) {
      Value isInTail = both(isEqual(block, blocks - 1),
                            isBelow(thread, index(gpuNest.tail)));
      emitIf(isInTail, [&] { emitBodies(getTailPlace(thread), 1); });
    }
  }
};

} // namespace

void mlir::lowering::emitGpuNest(const GpuNest &nest, gpu::GPUFuncOp function,
                                 const GpuOperands &operands) {
  if (!nest.inner)
    ElementsEmitter(nest, function, operands).emitScalars();
  else if (!nest.nest.sums.empty())
    emitGpuSums(nest, function, operands);
  else if (nest.tile)
    emitGpuTiles(nest, function, operands);
  else
    ElementsEmitter(nest, function, operands).emitElements();
}
