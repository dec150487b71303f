// RUN: fabric-opt %s --lower-kernels-to-gpu --lower-gpu-kernels-to-nvvm | FileCheck %s

// A pointer for each buffer; nothing is called, and roots stay instructions.
// CHECK-LABEL: llvm.func @root(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK-SAME:    nvvm.kernel
// CHECK:         nvvm.read.ptx.sreg.tid.x
// CHECK:         llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
// CHECK-NOT:     llvm.call
// CHECK:         llvm.intr.sqrt
// CHECK-NOT:     llvm.call
// CHECK:         llvm.return
func.func @root(%a: tensor<16x128xf32>) -> tensor<16x128xf32> {
  %0 = fabric.sqrt %a : tensor<16x128xf32>
  %1 = fabric.erf %0 : tensor<16x128xf32>
  return %1 : tensor<16x128xf32>
}

// A shuffle of f64 is two of 32 bits, over the whole warp.
// CHECK-LABEL: llvm.func @sum(
// CHECK-COUNT-10: nvvm.shfl.sync bfly
// CHECK-NOT:      nvvm.shfl
// CHECK:          llvm.return
func.func @sum(%a: tensor<16x128xf32>) -> tensor<16xf32> {
  %0 = fabric.sum %a dims = [1] : tensor<16x128xf32> -> tensor<16xf32>
  return %0 : tensor<16xf32>
}
