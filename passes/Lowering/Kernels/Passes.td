//===- Passes.td - From kernels to vector code -------------*- tablegen -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_PASSES_TD
#define FABRIC_PASSES_LOWERING_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def KernelsToLinalgPass : Pass<"lower-kernels-to-linalg", "func::FuncOp"> {
  let summary = "makes linalg.generics of a kernel";
  let description = [{
    Precondition: the function is a kernel, as Kernels.h says.

    Postcondition: it takes memrefs, of arguments and then of results, and is one
    `linalg.generic` over the fewest loops: the maps of all ops are composed,
    loops that every operand walks contiguously are one, and loops of size 1 are
    gone. What depends on rank-0 operands only is computed before it. Sums add to
    results that a `linalg.fill` cleared; sums whose loops cannot nest with the
    others' have a generic of their own, before it. `streamed` lists outputs
    too large to be still in a cache when they are read: they bypass it, or each
    line would be read before it is written. Those of ops that update in place,
    whose lines are there already, do not.

    A kernel with ops that read what others reduce goes through its rows, the
    iterations that all these reductions keep, in an `scf.for`, by a few at a time.
    Each reduction that is read is a generic before those that read it.

    ```mlir
    func.func @kernel_0(%a: tensor<16x128xf32>, %b: tensor<16x128xf32>) -> tensor<16x128xf32> {
      %0 = fabric.silu %a : tensor<16x128xf32>
      %1 = fabric.mul %0, %b : tensor<16x128xf32>
      return %1 : tensor<16x128xf32>
    }
    ```
    becomes, with all three memrefs collapsed to `memref<2048xf32>`,
    ```mlir
    linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]}
        ins(%a, %b : ...) outs(%r : ...) {
    ^bb0(%x: f32, %y: f32, %out: f32):
      %0 = arith.negf %x : f32
      %1 = math.exp %0 : f32
      ...
      linalg.yield %4 : f32
    }
    ```
  }];
  let options = [
    Option<"streamBytes", "stream-bytes", "int64_t", /*default=*/"16 << 20",
           "Size from which on a result bypasses the caches.">,
    Option<"rowBytes", "row-bytes", "int64_t", /*default=*/"8 << 10",
           "Bytes that the rows read and write which go through stages "
           "together; 0 for all rows.">
  ];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "math::MathDialect", "memref::MemRefDialect",
                           "scf::SCFDialect"];
}

def KernelsToVectorPass : Pass<"lower-kernels-to-vector", "func::FuncOp"> {
  let summary = "vectorises the linalg ops of a kernel";
  let description = [{
    Precondition: linalg ops on static memrefs with elementwise bodies, as
    `lower-kernels-to-linalg` leaves them.

    Postcondition: `scf.for` loops around vector code. The innermost loop is
    vectorised, its tail masked. Sums over it stay in vectors of f64 to the end of
    their loops; sums along it have a row of f64 accumulators on the stack, for a
    block of the loop that fits the first-level cache.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"512",
           "Width of a vector register.">
  ];
  let dependentDialects = ["arith::ArithDialect", "LLVM::LLVMDialect",
                           "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

def KernelsToGpuPass : Pass<"lower-kernels-to-gpu", "::mlir::ModuleOp"> {
  let summary = "makes functions of a gpu.module of kernels";
  let description = [{
    Precondition: the functions of the module are kernels, as Kernels.h says.

    Postcondition: each is one or more functions of the gpu.module `@device`, as
    GpuKernels.h says, whose code is that of one thread.

    ```mlir
    func.func @kernel_0(%a: tensor<16x128xf32>) -> tensor<16x128xf32> {
      %0 = fabric.silu %a : tensor<16x128xf32>
      return %0 : tensor<16x128xf32>
    }
    ```
    becomes
    ```mlir
    gpu.func @kernel_0(%a: memref<2048xf32>, %r: memref<2048xf32>) kernel
        attributes {known_block_size = array<i32: 256, 1, 1>, known_grid_size = array<i32: 2, 1, 1>} {
      ...
      %x = vector.load %a[%i] {alignment = 16 : i64} : memref<2048xf32>, vector<4xf32>
      ...
    }
    ```
  }];
  let dependentDialects = ["arith::ArithDialect", "gpu::GPUDialect",
                           "linalg::LinalgDialect", "math::MathDialect",
                           "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

def KernelMathPass : Pass<"lower-kernel-math"> {
  let summary = "expands math into instructions";
  let description = [{
    Postcondition: no `math.exp`, and no conversions between f32 and bf16, which
    are integer arithmetic (exact, also for denormals, where AVX-512's instruction
    is not). What is left of math is one instruction, or calls libm. With
    `functions`, all of it is instructions; fails where it cannot be.
  }];
  let options = [
    Option<"fma", "fma", "bool", /*default=*/"true",
           "Whether there are fused multiply-adds.">,
    Option<"functions", "functions", "bool", /*default=*/"false",
           "Whether functions are expanded that a library could compute.">
  ];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect",
                           "vector::VectorDialect"];
}

def GpuToNVVMPass : Pass<"lower-gpu-to-nvvm", "gpu::GPUModuleOp"> {
  let summary = "takes the functions of a gpu.module to LLVM's dialect";
  let description = [{
    Precondition: `lower-kernel-math` has expanded functions; loops are branches.

    Postcondition: functions of pointers in the dialects of LLVM and NVVM, which
    call nothing.
  }];
  let dependentDialects = ["LLVM::LLVMDialect", "NVVM::NVVMDialect"];
}

def KernelEntryPointsPass
    : Pass<"lower-kernel-entry-points", "::mlir::ModuleOp"> {
  let summary = "gives kernels in LLVM's dialect their C interface";
  let description = [{
    A function of one pointer for each buffer becomes internal; in its place,
    under its name, stands a function of one array of pointers.
  }];
  let dependentDialects = ["LLVM::LLVMDialect"];
}

#endif // FABRIC_PASSES_LOWERING_KERNELS_PASSES_TD
