//===- Kernels.h - Native code for clusters of structured ops ---*- C++ -*-===//
//
// A kernel is a function of static tensors whose body is a graph of structured
// ops (StructuredOpInterface) and splat constants that run over one iteration
// domain; all reductions that other ops read keep the same loops, the kernel's
// rows, and are read row by row; or it is one op that copies boxes. Ops may say
// which loops of the domain theirs are (`exec.loops`), all or none. It becomes
// `extern "C" void NAME(void *const *buffers)`, where `buffers` holds the
// addresses of the arguments, then of the results: dense, row major, aligned to
// 64 bytes; bools are bytes. A kernel is called by one thread, keeps no state,
// and allocates at its stack for what it keeps of the rows that it works on (at
// most 32 KiB) and the sums over them (form-kernels keeps these below 128 KiB).
//
// Numerics: as if each op ran by itself. bf16 and f16 are computed in f32 and
// every op's result is rounded to its element type; nothing is contracted or
// reassociated but sums, which accumulate in f64 and round once.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELS_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::lowering {

/// The processor that code is made for: an x86-64 one, or a GPU.
struct KernelTarget {
  /// "native", or an LLVM CPU name: "x86-64-v3", "znver4".
  std::string cpu = "native";
  /// LLVM features to add or to do without: "+avx512f,-fma".
  std::string features;
  /// An NVIDIA GPU, "sm_90", instead; then the others say nothing.
  std::string gpu = "";
};

/// What compileKernels needs in a context: for the dependent dialects of a pass
/// that calls it. (Outside of passes it adds them by itself.)
void registerKernelDialects(DialectRegistry &registry);

/// Whether there is such a target; else the error says why not.
llvm::Error checkTarget(const KernelTarget &target);

/// For an x86-64 target, an ELF shared object that exports one symbol for each
/// function of `kernels`, which is left as it is. The same functions (locations
/// aside) and target give the same bytes. It needs libm. Fails with a
/// diagnostic where a function is not a kernel or the target does not exist.
FailureOr<SmallVector<char>> compileKernels(ModuleOp kernels,
                                            const KernelTarget &target);

/// LLVM's names of the CPU features beyond x86-64's baseline that code for the
/// target may use, sorted; empty for a GPU, and for a target that does not
/// exist.
SmallVector<std::string> getRequiredFeatures(const KernelTarget &target);

/// Whether `result` may be given the buffer of `argument`: they are of one type
/// and each element is read only where it is then written. Never so for a
/// reduction. Several results may share with as many arguments at once.
bool mayShareBuffer(func::FuncOp kernel, unsigned argument, unsigned result);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELS_H
