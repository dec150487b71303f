// RUN: fabric-opt %s -split-input-file --fabric-widen-reductions | FileCheck %s
// RUN: fabric-opt %s -split-input-file --fabric-widen-reductions="dtype=bf16" | FileCheck %s --check-prefix=SAME

// With bf16 nothing changes.
// SAME-NOT: fabric.{{linear|contract|sum|add|transpose|mul}} {{.*}}xf32>

// A product gives what it accumulates, and is rounded after; its operands stay.

// CHECK-LABEL: func.func @product
// CHECK-NEXT: %[[Y:.*]] = fabric.linear %{{.*}} : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
// CHECK-NEXT: %[[R:.*]] = fabric.cast %[[Y]] : tensor<4x2xf32> -> tensor<4x2xbf16>
// CHECK-NEXT: fabric.silu %[[R]] : tensor<4x2xbf16>
func.func @product(%x: tensor<4x8xbf16>, %w: tensor<2x8xbf16>) -> tensor<4x2xbf16> {
  %y = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
  %z = fabric.silu %y : tensor<4x2xbf16>
  return %z : tensor<4x2xbf16>
}

// -----

// Other sums are of one type: their operands are widened. The largest element is
// the same in any.

// CHECK-LABEL: func.func @sum
// CHECK-NEXT: %[[A:.*]] = fabric.cast %{{.*}} : tensor<4x8xbf16> -> tensor<4x8xf32>
// CHECK-NEXT: %[[S:.*]] = fabric.sum %[[A]] dims = [0] : tensor<4x8xf32> -> tensor<8xf32>
// CHECK-NEXT: fabric.cast %[[S]] : tensor<8xf32> -> tensor<8xbf16>
// CHECK-NEXT: fabric.max %{{.*}} dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
func.func @sum(%a: tensor<4x8xbf16>) -> (tensor<8xbf16>, tensor<8xbf16>) {
  %s = fabric.sum %a dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
  %m = fabric.max %a dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
  return %s, %m : tensor<8xbf16>, tensor<8xbf16>
}

// -----

// Products that meet in adds are rounded once, behind them and the transpose; a
// cast back to f32 undoes that, so nothing is.

// CHECK-LABEL: func.func @gradient
// CHECK-NEXT: %[[P:.*]] = fabric.contract {{.*}} -> tensor<8x4xf32>
// CHECK-NEXT: %[[Q:.*]] = fabric.contract {{.*}} -> tensor<8x4xf32>
// CHECK-NEXT: %[[S:.*]] = fabric.add %[[P]], %[[Q]] : tensor<8x4xf32>
// CHECK-NEXT: %[[T:.*]] = fabric.transpose %[[S]] permutation = [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
// CHECK-NEXT: return %[[T]]
func.func @gradient(%a: tensor<2x8xbf16>, %b: tensor<2x4xbf16>) -> tensor<4x8xf32> {
  %p = fabric.contract %a, %b batch = [] x [] contract = [0] x [0] : (tensor<2x8xbf16>, tensor<2x4xbf16>) -> tensor<8x4xbf16>
  %q = fabric.contract %a, %b batch = [] x [] contract = [0] x [0] : (tensor<2x8xbf16>, tensor<2x4xbf16>) -> tensor<8x4xbf16>
  %s = fabric.add %p, %q : tensor<8x4xbf16>
  %t = fabric.transpose %s permutation = [1, 0] : tensor<8x4xbf16> -> tensor<4x8xbf16>
  %f = fabric.cast %t : tensor<4x8xbf16> -> tensor<4x8xf32>
  return %f : tensor<4x8xf32>
}

// -----

// But not where somebody reads what is rounded: an activation is kept in bf16 for
// the backward pass, and it is the one that the forward pass saw.

// CHECK-LABEL: func.func @kept
// CHECK-NEXT: %[[P:.*]] = fabric.linear {{.*}} -> tensor<4x2xf32>
// CHECK-NEXT: %[[R:.*]] = fabric.cast %[[P]] : tensor<4x2xf32> -> tensor<4x2xbf16>
// CHECK-NEXT: fabric.silu %[[R]]
// CHECK-NEXT: fabric.cast %[[R]] : tensor<4x2xbf16> -> tensor<4x2xf32>
func.func @kept(%x: tensor<4x8xbf16>, %w: tensor<2x8xbf16>) -> (tensor<4x2xbf16>, tensor<4x2xf32>) {
  %y = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
  %z = fabric.silu %y : tensor<4x2xbf16>
  %f = fabric.cast %y : tensor<4x2xbf16> -> tensor<4x2xf32>
  return %z, %f : tensor<4x2xbf16>, tensor<4x2xf32>
}

// -----

// Rounding does not move where something else reads what is rounded, or adds to
// it what is not, or repeats it.

// CHECK-LABEL: func.func @stays
// CHECK: %[[P:.*]] = fabric.linear {{.*}} -> tensor<4x8xf32>
// CHECK: %[[R:.*]] = fabric.cast %[[P]] : tensor<4x8xf32> -> tensor<4x8xbf16>
// CHECK: fabric.add %[[R]], %{{.*}} : tensor<4x8xbf16>
// CHECK: fabric.neg %[[R]] : tensor<4x8xbf16>
// CHECK: %[[S:.*]] = fabric.sum %{{.*}} -> tensor<8xf32>
// CHECK: %[[SR:.*]] = fabric.cast %[[S]] : tensor<8xf32> -> tensor<8xbf16>
// CHECK: fabric.broadcast %[[SR]] dims = [1] : tensor<8xbf16> -> tensor<4x8xbf16>
func.func @stays(%x: tensor<4x8xbf16>, %w: tensor<8x8xbf16>) -> (tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<4x8xbf16>) {
  %p = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<8x8xbf16>) -> tensor<4x8xbf16>
  %a = fabric.add %p, %x : tensor<4x8xbf16>
  %n = fabric.neg %p : tensor<4x8xbf16>
  %s = fabric.sum %x dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
  %b = fabric.broadcast %s dims = [1] : tensor<8xbf16> -> tensor<4x8xbf16>
  return %a, %n, %b : tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<4x8xbf16>
}

// -----

// A mean is a sum times a constant, which is not rounded either. A parameter is,
// or it would be gathered in f32.

// CHECK-LABEL: func.func @mean
// CHECK-SAME: %[[W:[^:]*]]: tensor<8xf32>
// CHECK: %[[C:.*]] = fabric.constant dense<1.000000e-01> : tensor<8xf32>
// CHECK: %[[S:.*]] = fabric.sum %{{.*}} : tensor<4x8xf32> -> tensor<8xf32>
// CHECK: %[[M:.*]] = fabric.mul %[[S]], %[[C]] : tensor<8xf32>
// CHECK: fabric.cast %[[M]] : tensor<8xf32> -> tensor<8xbf16>
// CHECK: %[[N:.*]] = fabric.cast %[[W]] : tensor<8xf32> -> tensor<8xbf16>
// CHECK: %[[F:.*]] = fabric.cast %[[N]] : tensor<8xbf16> -> tensor<8xf32>
// CHECK: fabric.mul %{{.*}}, %[[F]] : tensor<8xf32>
func.func @mean(%x: tensor<4x8xbf16>, %w: tensor<8xf32>) -> (tensor<8xbf16>, tensor<8xbf16>) {
  %c = fabric.constant dense<0.1> : tensor<8xf32>
  %n = fabric.cast %c : tensor<8xf32> -> tensor<8xbf16>
  %s = fabric.sum %x dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
  %m = fabric.mul %s, %n : tensor<8xbf16>
  %p = fabric.cast %w : tensor<8xf32> -> tensor<8xbf16>
  %t = fabric.sum %x dims = [0] : tensor<4x8xbf16> -> tensor<8xbf16>
  %q = fabric.mul %t, %p : tensor<8xbf16>
  return %m, %q : tensor<8xbf16>, tensor<8xbf16>
}
