//===- KernelTarget.h - The processor that kernels are made for -*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELTARGET_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELTARGET_H

#include "passes/Lowering/Kernels/Kernels.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::lowering {

/// A target as LLVM is told of it. The code generator gets the baseline CPU and
/// the features one by one: it then cannot use what `features` does not list,
/// and the plan need not ask for more.
struct ResolvedTarget {
  std::string tuneCpu;
  SmallVector<std::string> features; ///< Sorted, without '+'.

  bool has(StringRef feature) const {
    return llvm::is_contained(features, feature);
  }
  unsigned getVectorBits() const {
    return has("avx512f") ? 512 : has("avx2") ? 256 : 128;
  }
  /// "+avx,+avx2,..."
  std::string getFeatureString() const;
};

llvm::Expected<ResolvedTarget> resolveTarget(const KernelTarget &target);

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const ResolvedTarget &target);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELTARGET_H
