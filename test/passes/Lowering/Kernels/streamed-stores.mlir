// RUN: fabric-opt %s -split-input-file --lower-kernels-to-linalg=stream-bytes=4096 --lower-kernels-to-vector | FileCheck %s

// Past the caches, and a fence before another thread may be told.

// CHECK-LABEL: func.func @large(
func.func @large(%a: tensor<16x128xf32>) -> tensor<16x128xf32> {
  // CHECK: vector.store {{.*}} {alignment = 64 : i64, nontemporal = true}
  // CHECK: llvm.fence seq_cst
  %0 = fabric.neg %a : tensor<16x128xf32>
  return %0 : tensor<16x128xf32>
}

// -----

// CHECK-LABEL: func.func @small(
// CHECK-NOT: nontemporal
// CHECK-NOT: fence
func.func @small(%a: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %0 = fabric.neg %a : tensor<16x16xf32>
  return %0 : tensor<16x16xf32>
}

// -----

// Rows that do not begin at a cache line.

// CHECK-LABEL: func.func @unaligned(
// CHECK-NOT: nontemporal
// CHECK-NOT: fence
func.func @unaligned(%a: tensor<16x130xf32>, %bias: tensor<130xf32>) -> tensor<16x130xf32> {
  %0 = fabric.broadcast %bias dims = [1] : tensor<130xf32> -> tensor<16x130xf32>
  %1 = fabric.add %a, %0 : tensor<16x130xf32>
  return %1 : tensor<16x130xf32>
}

// -----

// An update in place has its lines in the cache.

// CHECK-LABEL: func.func @update(
// CHECK-NOT: nontemporal
func.func @update(%p: tensor<4096xf32>, %g: tensor<4096xf32>, %m: tensor<4096xf32>, %v: tensor<4096xf32>,
    %lr: tensor<f64>, %step: tensor<f64>) -> tensor<4096xf32> {
  %p2, %m2, %v2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
      {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
      : (tensor<4096xf32>, tensor<4096xf32>, tensor<4096xf32>, tensor<4096xf32>, tensor<f64>, tensor<f64>)
      -> (tensor<4096xf32>, tensor<4096xf32>, tensor<4096xf32>)
  return %p2 : tensor<4096xf32>
}
