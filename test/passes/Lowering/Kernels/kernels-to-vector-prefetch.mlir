// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-kernels-to-linalg{row-bytes=12288},lower-kernels-to-vector))' | FileCheck %s

// While the one stage before the last goes through four rows it fetches the next
// four, 4 x 256 elements on: also of the operand that it does not read itself.
// The last stage fetches nothing.

// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[X:[^ ]*]]: memref<16x256xf32>, %[[Y:[^ ]*]]: memref<16x256xf32>,
// CHECK-DAG: %[[FLAT_X:.*]] = memref.collapse_shape %[[X]]
// CHECK-DAG: %[[FLAT_Y:.*]] = memref.collapse_shape %[[Y]]
// CHECK: vector.load %[[FLAT_X]]
// CHECK-NEXT: %[[PLACE:.*]] = arith.addi
// CHECK-NEXT: %[[AHEAD:.*]] = arith.constant 1024 : index
// CHECK-NEXT: %[[THERE:.*]] = arith.addi %[[PLACE]], %[[AHEAD]]
// CHECK-NEXT: memref.prefetch %[[FLAT_X]][%[[THERE]]], read, locality<2>, data
// CHECK: memref.prefetch %[[FLAT_Y]][{{.*}}], read, locality<2>, data
// Three more vectors, for there are four sums.
// CHECK-COUNT-6: memref.prefetch
// CHECK-NOT: memref.prefetch
// CHECK: vector.store
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @rows(%x: tensor<16x256xf32>, %y: tensor<16x256xf32>) -> tensor<16x256xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<16x256xf32> -> tensor<16xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<16xf32> -> tensor<16x256xf32>
  %2 = fabric.mul %y, %1 : tensor<16x256xf32>
  %3 = fabric.mul %x, %2 : tensor<16x256xf32>
  return %3 : tensor<16x256xf32>
}
