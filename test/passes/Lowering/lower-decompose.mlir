// RUN: fabric-opt %s --pass-pipeline="builtin.module(func.func(lower-decompose))" | FileCheck %s

// Composite ops become those that they stand for, in the type that is computed in.

// CHECK-LABEL: func.func @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<4x6xf32>)
func.func @softmax(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  // CHECK: %[[TOP:.*]] = fabric.max %[[X]] dims = [1] : tensor<4x6xf32> -> tensor<4xf32>
  // CHECK: %[[TOPS:.*]] = fabric.broadcast %[[TOP]] dims = [0]
  // CHECK: %[[SHIFTED:.*]] = fabric.sub %[[X]], %[[TOPS]]
  // CHECK: %[[EXP:.*]] = fabric.exp %[[SHIFTED]]
  // CHECK: %[[SUM:.*]] = fabric.sum %[[EXP]] dims = [1]
  // CHECK: %[[SUMS:.*]] = fabric.broadcast %[[SUM]] dims = [0]
  // CHECK: %[[Y:.*]] = fabric.div %[[EXP]], %[[SUMS]]
  // CHECK: return %[[Y]]
  %0 = fabric.softmax %x dim = 1 : tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<4x6xbf16>)
func.func @layer_norm(%x: tensor<4x6xbf16>) -> tensor<4x6xbf16> {
  // CHECK-NOT: fabric.layer_norm
  // CHECK: %[[WIDE:.*]] = fabric.cast %[[X]] : tensor<4x6xbf16> -> tensor<4x6xf32>
  // CHECK: fabric.sum %[[WIDE]] dims = [1] : tensor<4x6xf32> -> tensor<4xf32>
  // CHECK: fabric.rsqrt
  // CHECK: %[[Y:.*]] = fabric.cast %{{.*}} : tensor<4x6xf32> -> tensor<4x6xbf16>
  // CHECK: return %[[Y]]
  %0 = fabric.layer_norm %x dims = [1] {eps = 1.0e-5} : tensor<4x6xbf16>
  return %0 : tensor<4x6xbf16>
}
