// RUN: fabric-opt %s -split-input-file -verify-diagnostics -dist-pad-uneven

// A reshape that mixes dims leaves no place for padding.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// expected-error@+1 {{parameter "w": style colwise splits dim 0 of size 3, which axis "tp" of size 2 does not divide; it cannot be padded}}
func.func @f(%w: tensor<3x4xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) -> tensor<4x3xf32> {
  // expected-note@+1 {{because 'fabric.reshape' needs its size}}
  %0 = fabric.reshape %w : tensor<3x4xf32> -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}
}

// -----

// Nor is a dim of size 1 padded that a reshape drops.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// expected-error@+1 {{input "x": batch dim 0 of size 1 is not divided by axis "dp" of size 2; it cannot be padded}}
func.func @f(%x: tensor<1x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> tensor<4xf32> {
  // expected-note@+1 {{because 'fabric.reshape' needs its size}}
  %0 = fabric.reshape %x : tensor<1x4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
}

// -----

// The head size is the minor part of the input's features: padded, they would
// not be a leading part of anything that a file holds.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// expected-note@+2 {{because it is a minor part of dim 1 of argument 0}}
// expected-error@+2 {{parameter "w": style rowwise splits dim 1 of size 3, which axis "tp" of size 2 does not divide; it cannot be padded}}
func.func @f(%x: tensor<5x6xf32> {fabric.input = #fabric.input<"x">},
    %w: tensor<7x3xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>}) -> tensor<5x2x7xf32> {
  %0 = fabric.reshape %x : tensor<5x6xf32> -> tensor<5x2x3xf32>
  %1 = fabric.linear %0, %w : (tensor<5x2x3xf32>, tensor<7x3xf32>) -> tensor<5x2x7xf32>
  return %1 : tensor<5x2x7xf32>
}
}

// -----

// Neither does a result end in padding that is a minor part.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=3]>} {
func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x">},
    // expected-error@+1 {{parameter "w": style colwise splits dim 0 of size 8, which axis "tp" of size 3 does not divide; it cannot be padded}}
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) -> tensor<32xf32> {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // expected-note@+1 {{because it is a minor part of dim 0 of result 0}}
  %1 = fabric.reshape %0 : tensor<4x8xf32> -> tensor<32xf32>
  return %1 : tensor<32xf32>
}
}

// -----

// A single element that is taken with a stride has no room for padding.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
func.func @f(
    // expected-error@+1 {{parameter "w": style rowwise splits dim 1 of size 1, which axis "tp" of size 2 does not divide; it cannot be padded}}
    %w: tensor<7x1xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>}) -> tensor<1x1xf32> {
  // expected-note@+1 {{because 'fabric.slice' needs its size}}
  %0 = fabric.slice %w dims = [0, 1] offsets = [6, 0] strides = [2, 3] : tensor<7x1xf32> -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}
}

// -----

module {
// expected-error@-1 {{the module has no mesh; run dist-set-mesh}}
func.func @f() {
  return
}
}
