// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-contractions{tf32=true}))' | FileCheck %s
// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-contractions))' | FileCheck %s --check-prefix=EXACT

// Products of f32 may be rounded where that was asked for; no others.

// EXACT-NOT: tf32
// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<16x128xf32>, %w: tensor<256x128xf32>, %u: tensor<16x128xf64>, %v: tensor<256x128xf64>)
    -> (tensor<16x256xf32>, tensor<16x256xf64>) {
  // CHECK: exec.gemm %{{.*}}, %{{.*}} tf32 : (tensor<16x128xf32>
  %0 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  // CHECK-NOT: tf32
  %1 = fabric.linear %u, %v : (tensor<16x128xf64>, tensor<256x128xf64>) -> tensor<16x256xf64>
  return %0, %1 : tensor<16x256xf32>, tensor<16x256xf64>
}
