// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-contractions))' -split-input-file -verify-diagnostics | FileCheck %s

// x W^T: the weight is transposed by its flag.
// CHECK-LABEL: @linear
// CHECK: exec.gemm %arg0, %arg1 batch = 1 m = 16 n = 256 k = 128 a = <leading = 128> b = <leading = 128, transposed = true> :
func.func @linear(%x: tensor<16x128xf32>, %w: tensor<256x128xf32>) -> tensor<16x256xf32> {
  %0 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  return %0 : tensor<16x256xf32>
}

// -----

// Leading dims of the input are one index of rows.
// CHECK-LABEL: @leading_dims
// CHECK: exec.gemm %arg0, %arg1 batch = 1 m = 24 n = 5 k = 8 a = <leading = 8> b = <leading = 8, transposed = true>
// CHECK-SAME: -> tensor<4x6x5xf32>
func.func @leading_dims(%x: tensor<4x6x8xf32>, %w: tensor<5x8xf32>) -> tensor<4x6x5xf32> {
  %0 = fabric.linear %x, %w : (tensor<4x6x8xf32>, tensor<5x8xf32>) -> tensor<4x6x5xf32>
  return %0 : tensor<4x6x5xf32>
}

// -----

// The weight's gradient contracts the leading dims of both.
// CHECK-LABEL: @weight_gradient
// CHECK: exec.gemm %arg0, %arg1 batch = 1 m = 5 n = 8 k = 24 a = <leading = 5, transposed = true> b = <leading = 8>
func.func @weight_gradient(%dy: tensor<4x6x5xf32>, %x: tensor<4x6x8xf32>) -> tensor<5x8xf32> {
  %0 = fabric.contract %dy, %x batch = [] x [] contract = [0, 1] x [0, 1] : (tensor<4x6x5xf32>, tensor<4x6x8xf32>) -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

// Contracted dims are merged in the order that lies in memory, whatever the
// order of the pairs.
// CHECK-LABEL: @order_of_pairs
// CHECK-NOT: fabric.transpose
// CHECK: exec.gemm %arg0, %arg1 batch = 1 m = 5 n = 8 k = 24 a = <leading = 5, transposed = true> b = <leading = 8>
func.func @order_of_pairs(%dy: tensor<4x6x5xf32>, %x: tensor<4x6x8xf32>) -> tensor<5x8xf32> {
  %0 = fabric.contract %dy, %x batch = [] x [] contract = [1, 0] x [1, 0] : (tensor<4x6x5xf32>, tensor<4x6x8xf32>) -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

// Batched products, with the batch outside and between the other dims.
// CHECK-LABEL: @batched
// CHECK: exec.gemm %arg0, %arg1 batch = 4 m = 6 n = 3 k = 8 a = <leading = 8, batch_stride = 48> b = <leading = 3, batch_stride = 24>
// CHECK: exec.gemm %arg2, %arg1 batch = 4 m = 6 n = 3 k = 8 a = <leading = 32, batch_stride = 8> b = <leading = 3, batch_stride = 24>
func.func @batched(%a: tensor<4x6x8xf32>, %b: tensor<4x8x3xf32>, %heads: tensor<6x4x8xf32>) -> (tensor<4x6x3xf32>, tensor<4x6x3xf32>) {
  %0 = fabric.contract %a, %b batch = [0] x [0] contract = [2] x [1] : (tensor<4x6x8xf32>, tensor<4x8x3xf32>) -> tensor<4x6x3xf32>
  %1 = fabric.contract %heads, %b batch = [1] x [0] contract = [2] x [1] : (tensor<6x4x8xf32>, tensor<4x8x3xf32>) -> tensor<4x6x3xf32>
  return %0, %1 : tensor<4x6x3xf32>, tensor<4x6x3xf32>
}

// -----

// Dims of size 1 are in nobody's way.
// CHECK-LABEL: @ones
// CHECK-NOT: fabric.transpose
// CHECK: exec.gemm %arg0, %arg1 batch = 1 m = 1 n = 3 k = 8 a = <leading = 8> b = <leading = 3>
func.func @ones(%a: tensor<1x8x1xf32>, %b: tensor<8x1x3xf32>) -> tensor<1x1x3xf32> {
  %0 = fabric.contract %a, %b batch = [0] x [1] contract = [1] x [0] : (tensor<1x8x1xf32>, tensor<8x1x3xf32>) -> tensor<1x1x3xf32>
  return %0 : tensor<1x1x3xf32>
}

// -----

// Rows on both sides of the contracted dim: no matrix.
// CHECK-LABEL: @transposed
// CHECK: %[[T:.*]] = fabric.transpose %arg0 permutation = [0, 2, 1] : tensor<4x8x6xf32> -> tensor<4x6x8xf32>
// CHECK: exec.gemm %[[T]], %arg1 batch = 1 m = 24 n = 3 k = 8 a = <leading = 8> b = <leading = 3>
func.func @transposed(%a: tensor<4x8x6xf32>, %b: tensor<8x3xf32>) -> tensor<4x6x3xf32> {
  // expected-remark @below {{transposes an operand of type 'tensor<4x8x6xf32>': its dims are no matrix as they lie in memory}}
  %0 = fabric.contract %a, %b batch = [] x [] contract = [1] x [0] : (tensor<4x8x6xf32>, tensor<8x3xf32>) -> tensor<4x6x3xf32>
  return %0 : tensor<4x6x3xf32>
}

// -----

// An add of a vector over rows is a bias, on either side of the add.
// CHECK-LABEL: @bias
// CHECK: exec.gemm %arg0, %arg1 bias %arg2 batch = 1
// CHECK: exec.gemm %arg0, %arg1 bias %arg2 batch = 1
// CHECK-NOT: fabric.add
func.func @bias(%x: tensor<4x6x8xf32>, %w: tensor<5x8xf32>, %b: tensor<5xf32>) -> (tensor<4x6x5xf32>, tensor<4x6x5xf32>) {
  %0 = fabric.linear %x, %w : (tensor<4x6x8xf32>, tensor<5x8xf32>) -> tensor<4x6x5xf32>
  %1 = fabric.broadcast %b dims = [2] : tensor<5xf32> -> tensor<4x6x5xf32>
  %2 = fabric.add %0, %1 : tensor<4x6x5xf32>
  %3 = fabric.linear %x, %w : (tensor<4x6x8xf32>, tensor<5x8xf32>) -> tensor<4x6x5xf32>
  %4 = fabric.add %1, %3 : tensor<4x6x5xf32>
  return %2, %4 : tensor<4x6x5xf32>, tensor<4x6x5xf32>
}

// -----

// A bias that is gathered after the product: the product moves to the add, for
// nothing but the bias lies between.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: @gathered_bias
// CHECK: %[[B:.*]] = dist.all_gather %arg2
// CHECK: exec.gemm %arg0, %arg1 bias %[[B]]
func.func @gathered_bias(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %b: tensor<3xf32>) -> tensor<4x6xf32> {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %1 = dist.all_gather %b dim = 0 axes = {"dp"} : tensor<3xf32> -> tensor<6xf32>
  %2 = fabric.broadcast %1 dims = [1] : tensor<6xf32> -> tensor<4x6xf32>
  %3 = fabric.add %0, %2 : tensor<4x6xf32>
  return %3 : tensor<4x6xf32>
}

// With another weight's gather between, the product's weight would live longer.
// CHECK-LABEL: @other_gather_between
// CHECK: exec.gemm %arg0, %arg1 batch
// CHECK: fabric.add
func.func @other_gather_between(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %b: tensor<3xf32>, %v: tensor<3x8xf32>) -> (tensor<4x6xf32>, tensor<6x8xf32>) {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %v_full = dist.all_gather %v dim = 0 axes = {"dp"} : tensor<3x8xf32> -> tensor<6x8xf32>
  %1 = dist.all_gather %b dim = 0 axes = {"dp"} : tensor<3xf32> -> tensor<6xf32>
  %2 = fabric.broadcast %1 dims = [1] : tensor<6xf32> -> tensor<4x6xf32>
  %3 = fabric.add %0, %2 : tensor<4x6xf32>
  return %3, %v_full : tensor<4x6xf32>, tensor<6x8xf32>
}
}

// -----

// No bias: a column repeated along rows, a product that others read too, and a
// difference.
// CHECK-LABEL: @no_bias
// CHECK-NOT: bias
func.func @no_bias(%x: tensor<5x8xf32>, %w: tensor<5x8xf32>, %b: tensor<5xf32>) -> (tensor<5x5xf32>, tensor<5x5xf32>, tensor<5x5xf32>, tensor<5x5xf32>) {
  %0 = fabric.linear %x, %w : (tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x5xf32>
  %column = fabric.broadcast %b dims = [0] : tensor<5xf32> -> tensor<5x5xf32>
  %row = fabric.broadcast %b dims = [1] : tensor<5xf32> -> tensor<5x5xf32>
  %1 = fabric.add %0, %column : tensor<5x5xf32>
  %2 = fabric.linear %x, %w : (tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x5xf32>
  %3 = fabric.add %2, %row : tensor<5x5xf32>
  %4 = fabric.linear %x, %w : (tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x5xf32>
  %5 = fabric.sub %4, %row : tensor<5x5xf32>
  return %1, %2, %3, %5 : tensor<5x5xf32>, tensor<5x5xf32>, tensor<5x5xf32>, tensor<5x5xf32>
}

// -----

// The second of two products that meet in an add is made onto the first.
// CHECK-LABEL: @accumulate
// CHECK: %[[A:.*]] = exec.gemm %arg0, %arg1 batch
// CHECK: %[[B:.*]] = exec.gemm %arg1, %arg0 onto %[[A]] batch
// CHECK: return %[[B]]
func.func @accumulate(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %0 = fabric.linear %x, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %1 = fabric.linear %y, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %2 = fabric.add %0, %1 : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Not onto an argument, nor onto what is read again.
// CHECK-LABEL: @no_accumulate
// CHECK-NOT: onto
func.func @no_accumulate(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %z: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = fabric.linear %x, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %1 = fabric.add %0, %z : tensor<4x4xf32>
  %2 = fabric.linear %y, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %3 = fabric.linear %y, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %4 = fabric.add %2, %3 : tensor<4x4xf32>
  return %1, %2, %4 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}
