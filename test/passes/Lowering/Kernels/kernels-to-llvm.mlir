// RUN: fabric-opt %s --lower-kernels-to-llvm | FileCheck %s

// The C interface: an array of pointers, arguments first.

// CHECK: llvm.func @kernel_0(%[[BUFFERS:.*]]: !llvm.ptr) {
// CHECK: %[[PLACE_0:.*]] = llvm.getelementptr %[[BUFFERS]][0]
// CHECK: %[[A:.*]] = llvm.load %[[PLACE_0]]
// CHECK: %[[PLACE_1:.*]] = llvm.getelementptr %[[BUFFERS]][1]
// CHECK: %[[Y:.*]] = llvm.load %[[PLACE_1]]
// CHECK: llvm.call @kernel_0.body(%[[A]], %[[Y]])

// CHECK: llvm.func internal @kernel_0.body(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK-SAME: always_inline
// CHECK-NOT: noalias
// CHECK: llvm.load {{.*}} vector<16xf32>
func.func @kernel_0(%a: tensor<64xf32>) -> tensor<64xf32> {
  %0 = fabric.neg %a : tensor<64xf32>
  return %0 : tensor<64xf32>
}
