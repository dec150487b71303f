// RUN: fabric-opt %s -split-input-file --lower-kernels-to-linalg --lower-kernels-to-vector | FileCheck %s
// RUN: fabric-opt %s -split-input-file --lower-kernels-to-linalg --lower-kernels-to-vector=vector-bits=256 \
// RUN:   | FileCheck %s --check-prefix=AVX2

// Whole vectors in a loop, then a masked one.

// CHECK-LABEL: func.func @gated_silu(
// AVX2-LABEL: func.func @gated_silu(
func.func @gated_silu(%a: tensor<13x17xf32>, %b: tensor<13x17xf32>) -> tensor<13x17xf32> {
  // CHECK: %[[END:.*]] = arith.constant 208 : index
  // CHECK: %[[STEP:.*]] = arith.constant 16 : index
  // CHECK: scf.for {{.*}} to %[[END]] step %[[STEP]]
  // CHECK: %[[A:.*]] = vector.load {{.*}} vector<16xf32>
  // CHECK: %[[B:.*]] = vector.load {{.*}} vector<16xf32>
  // CHECK: math.exp {{.*}} : vector<16xf32>
  // CHECK: %[[SILU:.*]] = arith.divf %[[A]]
  // CHECK: %[[Y:.*]] = arith.mulf %[[SILU]], %[[B]]
  // CHECK: vector.store %[[Y]]
  // CHECK: }
  // CHECK: %[[MASK:.*]] = vector.constant_mask [13] : vector<16xi1>
  // CHECK: vector.maskedload {{.*}} %[[MASK]]
  // CHECK: vector.maskedstore {{.*}} %[[MASK]]
  // AVX2: vector.load {{.*}} vector<8xf32>
  %0 = fabric.silu %a : tensor<13x17xf32>
  %1 = fabric.mul %0, %b : tensor<13x17xf32>
  return %1 : tensor<13x17xf32>
}

// -----

// 64-bit numbers alone: half as many lanes.

// CHECK-LABEL: func.func @wide(
func.func @wide(%a: tensor<64xf64>) -> tensor<64xf64> {
  // CHECK: vector.load {{.*}} vector<8xf64>
  %0 = fabric.neg %a : tensor<64xf64>
  return %0 : tensor<64xf64>
}

// -----

// What is the same along a row is computed on scalars before it.

// CHECK-LABEL: func.func @per_row(
func.func @per_row(%a: tensor<8x64xf32>, %scale: tensor<8xf32>) -> tensor<8x64xf32> {
  // CHECK: scf.for
  // CHECK: %[[S:.*]] = memref.load
  // CHECK: %[[NEG:.*]] = arith.negf %[[S]] : f32
  // CHECK: scf.for
  // CHECK: %[[V:.*]] = vector.broadcast %[[NEG]] : f32 to vector<16xf32>
  // CHECK: arith.mulf %{{.*}}, %[[V]] : vector<16xf32>
  %0 = fabric.neg %scale : tensor<8xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<8xf32> -> tensor<8x64xf32>
  %2 = fabric.mul %a, %1 : tensor<8x64xf32>
  return %2 : tensor<8x64xf32>
}

// -----

// A sum over everything is carried in several vectors of f64.

// CHECK-LABEL: func.func @total(
func.func @total(%a: tensor<8x64xf32>) -> tensor<f32> {
  // CHECK: scf.for {{.*}} iter_args({{.*}}, {{.*}}, {{.*}}, {{.*}}) -> (vector<16xf64>, vector<16xf64>, vector<16xf64>, vector<16xf64>)
  // CHECK: %[[X:.*]] = vector.load
  // CHECK: %[[WIDE:.*]] = arith.extf %[[X]] : vector<16xf32> to vector<16xf64>
  // CHECK: arith.addf {{.*}} %[[WIDE]]
  // CHECK: }
  // CHECK: %[[TOTAL:.*]] = vector.reduction <add>, {{.*}} fastmath<reassoc> : vector<16xf64> into f64
  // CHECK: arith.truncf %[[TOTAL]] : f64 to f32
  %0 = fabric.sum %a dims = [0, 1] : tensor<8x64xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// The gradient of a bias has a total for each column of a block on the stack;
// several rows are taken together.

// CHECK-LABEL: func.func @columns(
func.func @columns(%a: tensor<16x4096xf32>) -> tensor<4096xf32> {
  // CHECK: %[[TOTALS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<1024xf64>
  // CHECK: %[[BLOCK:.*]] = arith.constant 1024 : index
  // CHECK: scf.for {{.*}} step %[[BLOCK]]
  // CHECK: vector.store {{.*}}, %[[TOTALS]]
  // CHECK: %[[ROWS:.*]] = arith.constant 8 : index
  // CHECK: scf.for {{.*}} step %[[ROWS]]
  // CHECK: scf.for
  // CHECK-COUNT-8: vector.load {{.*}} vector<16xf32>
  // CHECK: %[[OLD:.*]] = vector.load %[[TOTALS]]
  // CHECK: %[[NEW:.*]] = arith.addf %[[OLD]]
  // CHECK: vector.store %[[NEW]], %[[TOTALS]]
  %0 = fabric.sum %a dims = [0] : tensor<16x4096xf32> -> tensor<4096xf32>
  return %0 : tensor<4096xf32>
}

// -----

// A transposed operand is read in squares of vectors along its own rows.

// CHECK-LABEL: func.func @transposed(
func.func @transposed(%a: tensor<64x32xf32>) -> tensor<32x64xf32> {
  // CHECK-COUNT-16: vector.load {{.*}} vector<16xf32>
  // CHECK-COUNT-64: vector.shuffle
  // CHECK-COUNT-16: vector.store
  %0 = fabric.transpose %a permutation = [1, 0] : tensor<64x32xf32> -> tensor<32x64xf32>
  return %0 : tensor<32x64xf32>
}
