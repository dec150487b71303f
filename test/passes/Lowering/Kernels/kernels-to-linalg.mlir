// RUN: fabric-opt %s -split-input-file --lower-kernels-to-linalg | FileCheck %s

// One generic with the bodies of all ops, over one loop: every operand is walked
// the same way.

// CHECK: #[[$ID:.*]] = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func.func @gated_silu(
// CHECK-SAME: %[[A:.*]]: memref<16x128xf32>, %[[B:.*]]: memref<16x128xf32>, %[[Y:.*]]: memref<16x128xf32>)
func.func @gated_silu(%a: tensor<16x128xf32>, %b: tensor<16x128xf32>) -> tensor<16x128xf32> {
  // CHECK-DAG: %[[FLAT_A:.*]] = memref.collapse_shape %[[A]] {{\[}}[0, 1]] : memref<16x128xf32> into memref<2048xf32>
  // CHECK-DAG: %[[FLAT_B:.*]] = memref.collapse_shape %[[B]]
  // CHECK-DAG: %[[FLAT_Y:.*]] = memref.collapse_shape %[[Y]]
  // CHECK-DAG: %[[ONE:.*]] = arith.constant 1.0
  // CHECK: linalg.generic
  // CHECK-SAME: indexing_maps = [#[[$ID]], #[[$ID]], #[[$ID]]], iterator_types = ["parallel"]
  // CHECK-SAME: ins(%[[FLAT_A]], %[[FLAT_B]] : {{.*}}) outs(%[[FLAT_Y]] :
  // CHECK-NEXT: ^bb0(%[[IN_A:.*]]: f32, %[[IN_B:.*]]: f32, %{{.*}}: f32):
  // CHECK-NEXT: %[[NEG:.*]] = arith.negf %[[IN_A]]
  // CHECK-NEXT: %[[EXP:.*]] = math.exp %[[NEG]]
  // CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[EXP]], %[[ONE]]
  // CHECK-NEXT: %[[SILU:.*]] = arith.divf %[[IN_A]], %[[SUM]]
  // CHECK-NEXT: %[[MUL:.*]] = arith.mulf %[[SILU]], %[[IN_B]]
  // CHECK-NEXT: linalg.yield %[[MUL]]
  // CHECK-NOT: linalg.generic
  %0 = fabric.silu %a : tensor<16x128xf32>
  %1 = fabric.mul %0, %b : tensor<16x128xf32>
  return %1 : tensor<16x128xf32>
}

// -----

// A bias keeps the last loop apart; the others still are one. What each op of a
// narrow type gives is rounded.

// CHECK-DAG: #[[$ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$LAST:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @bias_bf16(
// CHECK-SAME: memref<2x8x128xi16>, %{{.*}}: memref<128xi16>
func.func @bias_bf16(%a: tensor<2x8x128xbf16>, %bias: tensor<128xbf16>) -> tensor<2x8x128xbf16> {
  // CHECK: memref.collapse_shape %{{.*}} {{\[}}[0, 1], [2]] : memref<2x8x128xi16> into memref<16x128xi16>
  // CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$LAST]], #[[$ALL]]], iterator_types = ["parallel", "parallel"]}
  // CHECK: %[[SUM:.*]] = arith.addf {{.*}} : f32
  // CHECK: %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : f32 to bf16
  // CHECK: arith.extf %[[ROUNDED]] : bf16 to f32
  // CHECK: math.exp
  %0 = fabric.broadcast %bias dims = [2] : tensor<128xbf16> -> tensor<2x8x128xbf16>
  %1 = fabric.add %a, %0 : tensor<2x8x128xbf16>
  %2 = fabric.silu %1 : tensor<2x8x128xbf16>
  return %2 : tensor<2x8x128xbf16>
}

// -----

// What depends on lr and step alone is computed once, before the loops.

// CHECK-LABEL: func.func @adamw(
func.func @adamw(%p: tensor<64xf32>, %g: tensor<64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
    %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  // CHECK: memref.load
  // CHECK: math.powf {{.*}} : f64
  // CHECK: math.powf {{.*}} : f64
  // CHECK: linalg.generic
  // CHECK-SAME: outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<64xf32>, memref<64xf32>, memref<64xf32>)
  // CHECK-NOT: f64
  // CHECK: linalg.yield
  %p2, %m2, %v2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
      {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
      : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<f64>, tensor<f64>)
      -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
  return %p2, %m2, %v2 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}

// -----

// Maps are composed: the transpose of a transpose is not one, and a value that is
// needed at two places is read at both.

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$SWAP:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-LABEL: func.func @transposes(
// CHECK-SAME: %[[A:.*]]: memref<8x8xf32>, %[[B:.*]]: memref<8x8xf32>, %[[Y:.*]]: memref<8x8xf32>)
func.func @transposes(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // CHECK: indexing_maps = [#[[$ID]], #[[$ID]], #[[$SWAP]], #[[$ID]]]
  // CHECK-SAME: ins(%[[A]], %[[B]], %[[B]] :
  %0 = fabric.transpose %a permutation = [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = fabric.neg %0 : tensor<8x8xf32>
  %2 = fabric.transpose %1 permutation = [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  %3 = fabric.transpose %b permutation = [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  %4 = fabric.add %b, %3 : tensor<8x8xf32>
  %5 = fabric.mul %2, %4 : tensor<8x8xf32>
  return %5 : tensor<8x8xf32>
}

// -----

// Sums add to results that were cleared. A sum over rows cannot share loops with
// one over columns; its generic comes first, for the other may overwrite %a.

// CHECK-LABEL: func.func @sums(
// CHECK-SAME: %[[A:.*]]: memref<8x4xf32>, %[[Y:.*]]: memref<8x4xf32>, %[[ROWS:.*]]: memref<8xf32>, %[[COLUMNS:.*]]: memref<4xf32>)
func.func @sums(%a: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8xf32>, tensor<4xf32>) {
  // CHECK: linalg.fill {{.*}} outs(%[[ROWS]] :
  // CHECK: linalg.generic
  // CHECK-SAME: iterator_types = ["parallel", "reduction"]
  // CHECK-SAME: outs(%[[ROWS]] :
  // CHECK: linalg.fill {{.*}} outs(%[[COLUMNS]] :
  // CHECK: linalg.generic
  // CHECK-SAME: iterator_types = ["reduction", "parallel"]
  // CHECK-SAME: outs(%[[COLUMNS]], %[[Y]] :
  %0 = fabric.neg %a : tensor<8x4xf32>
  %1 = fabric.sum %0 dims = [1] : tensor<8x4xf32> -> tensor<8xf32>
  %2 = fabric.sum %0 dims = [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %0, %1, %2 : tensor<8x4xf32>, tensor<8xf32>, tensor<4xf32>
}

// -----

// Nothing connects the two ops; who outlined them says that one goes across.

// CHECK-DAG: #[[$ALONG:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ACROSS:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-LABEL: func.func @said_loops(
func.func @said_loops(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  // CHECK: linalg.generic
  // CHECK-SAME: indexing_maps = [#[[$ALONG]], #[[$ACROSS]], #[[$ALONG]], #[[$ACROSS]]]
  %0 = fabric.neg %a {exec.loops = array<i64: 1, 0>} : tensor<4x4xf32>
  %1 = fabric.neg %b {exec.loops = array<i64: 0, 1>} : tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}
