//===- EmulatedGpu.h - Runs code for NVPTX on the CPU -----------*- C++ -*-===//
//
// The LLVM IR that the NVPTX back end would get, compiled for this machine: the
// values of everything above PTX can be tested where there is no GPU. Blocks
// run one after the other, the threads of a block by turns, each until it waits
// at a barrier or for its warp. Every other launch takes them in reverse order:
// code that lacks a barrier, or depends on the order of blocks, gives other
// values.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_PASSES_EMULATEDGPU_H
#define FABRIC_TEST_UNIT_PASSES_EMULATEDGPU_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include <cstdint>
#include <memory>
#include <string>

namespace fabric_test {

class EmulatedGpu {
public:
  /// Takes code that uses x only of grid and block, barriers of the block, and
  /// shuffles over whole warps. Fails the test with anything else.
  explicit EmulatedGpu(std::unique_ptr<llvm::Module> module);
  ~EmulatedGpu();

  /// Fails the test where threads wait for what never happens.
  void launch(const std::string &kernel, int64_t blocks, int64_t threads,
              llvm::ArrayRef<void *> buffers);

private:
  using Entry = void (*)(void *const *);
  Entry find(const std::string &kernel) const;
  void runApart(Entry entry, int64_t threads, void *const *buffers);
  void runTogether(Entry entry, int64_t threads, void *const *buffers);

  llvm::StringSet<> waiting; ///< Kernels whose threads wait for each other.
  int descriptor = -1;
  void *handle = nullptr;
  bool isReversed = false;
};

} // namespace fabric_test

#endif // FABRIC_TEST_UNIT_PASSES_EMULATEDGPU_H
