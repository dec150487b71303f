// RUN: fabric-opt %s --dist-fold-rounding | FileCheck %s

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, dist.partitioned} {
// A product of which only the rounding is read rounds itself.

// CHECK-LABEL: func.func @folds
// CHECK-NEXT: %[[Y:.*]] = fabric.linear %{{.*}} : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
// CHECK-NEXT: fabric.silu %[[Y]]
func.func @folds(%x: tensor<4x8xbf16>, %w: tensor<2x8xbf16>) -> tensor<4x2xbf16> {
  %p = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
  %y = fabric.cast %p : tensor<4x2xf32> -> tensor<4x2xbf16>
  %z = fabric.silu %y : tensor<4x2xbf16>
  return %z : tensor<4x2xbf16>
}

// Not what is reduced first, is read in f32 as well, or is rounded to something
// that the operands are not.

// CHECK-LABEL: func.func @stays
// CHECK-COUNT-3: fabric.linear {{.*}} -> tensor<4x2xf32>
// CHECK-NOT: fabric.linear
func.func @stays(%x: tensor<4x8xbf16>, %w: tensor<2x8xbf16>) -> (tensor<4x2xbf16>, tensor<4x2xf32>, tensor<4x2xbf16>, tensor<4x2xf16>) {
  %p = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
  %s = dist.all_reduce sum %p axes = {"tp"} : tensor<4x2xf32>
  %0 = fabric.cast %s : tensor<4x2xf32> -> tensor<4x2xbf16>
  %q = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
  %1 = fabric.cast %q : tensor<4x2xf32> -> tensor<4x2xbf16>
  %r = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
  %2 = fabric.cast %r : tensor<4x2xf32> -> tensor<4x2xf16>
  return %0, %q, %1, %2 : tensor<4x2xbf16>, tensor<4x2xf32>, tensor<4x2xbf16>, tensor<4x2xf16>
}
}
