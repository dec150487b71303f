// RUN: fabric-opt %s -split-input-file -dist-pad-uneven | FileCheck %s

// What the mesh divides stays as it is, to the letter.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @even(
// CHECK-NOT: logical_shape
// CHECK: fabric.linear {{.*}} -> tensor<6x8xf32>
func.func @even(%x: tensor<6x3xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x3xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) -> tensor<6x8xf32> {
  %0 = fabric.linear %x, %w : (tensor<6x3xf32>, tensor<8x3xf32>) -> tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}
}

// -----

// Inference: rows of padding hold the bias, and nobody looks at them. No mask.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=3]>} {
// CHECK-LABEL: func.func @inference(
// CHECK-SAME: %[[X:[^:]+]]: tensor<8x5xf32> {dist.logical_shape = array<i64: 6, 5>, fabric.input
// CHECK-SAME: %[[W:[^:]+]]: tensor<9x5xf32> {dist.logical_shape = array<i64: 7, 5>, dist.tp
// CHECK-SAME: %[[B:[^:]+]]: tensor<9xf32> {dist.logical_shape = array<i64: 7>, fabric.param
// CHECK-SAME: -> (tensor<8x9xf32> {dist.logical_shape = array<i64: 6, 7>, fabric.result = "y"})
// CHECK-NEXT: %[[P:.+]] = fabric.linear %[[X]], %[[W]] : (tensor<8x5xf32>, tensor<9x5xf32>) -> tensor<8x9xf32>
// CHECK-NEXT: %[[ROWS:.+]] = fabric.broadcast %[[B]] dims = [1] : tensor<9xf32> -> tensor<8x9xf32>
// CHECK-NEXT: %[[Y:.+]] = fabric.add %[[P]], %[[ROWS]] : tensor<8x9xf32>
// CHECK-NEXT: return %[[Y]]
func.func @inference(%x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<7x5xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %b: tensor<7xf32> {fabric.param = #fabric.param<"b">}) -> (tensor<6x7xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<6x5xf32>, tensor<7x5xf32>) -> tensor<6x7xf32>
  %1 = fabric.broadcast %b dims = [1] : tensor<7xf32> -> tensor<6x7xf32>
  %2 = fabric.add %0, %1 : tensor<6x7xf32>
  return %2 : tensor<6x7xf32>
}
}

// -----

// Zeros stay zeros through silu and through a product with what repeats true
// rows; a sum over them needs no mask.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @zeros
// CHECK-NOT: fabric.mask
func.func @zeros(%x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %g: tensor<5xf32> {fabric.param = #fabric.param<"g">}) -> tensor<5xf32> {
  %0 = fabric.silu %x : tensor<6x5xf32>
  %1 = fabric.broadcast %g dims = [1] : tensor<5xf32> -> tensor<6x5xf32>
  %2 = fabric.mul %0, %1 : tensor<6x5xf32>
  %3 = fabric.sum %2 dims = [0] : tensor<6x5xf32> -> tensor<5xf32>
  return %3 : tensor<5xf32>
}
}

// -----

// The bias is masked where it gets into the rows: nothing after it is.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @bias
// CHECK: %[[VALID:.+]] = fabric.constant dense<[1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00]> : tensor<8xf32>
// CHECK: %[[SUM:.+]] = fabric.add
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[SUM]], %[[VALID]] dim = 0 : tensor<8x5xf32>
// CHECK-NEXT: fabric.mul %[[MASKED]], %[[MASKED]]
// CHECK-NOT: fabric.mask
func.func @bias(%x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %b: tensor<5xf32> {fabric.param = #fabric.param<"b">}) -> tensor<f32> {
  %0 = fabric.broadcast %b dims = [1] : tensor<5xf32> -> tensor<6x5xf32>
  %1 = fabric.add %x, %0 : tensor<6x5xf32>
  %2 = fabric.mul %1, %1 : tensor<6x5xf32>
  %3 = fabric.sum %2 dims = [0, 1] : tensor<6x5xf32> -> tensor<f32>
  return %3 : tensor<f32>
}
}

// -----

// A known constant is masked where it would be counted, and no other use is.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @halves
// CHECK: %[[S:.+]] = fabric.sigmoid
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[S]], %{{.*}} dim = 0 : tensor<8x5xf32>
// CHECK-NEXT: fabric.sum %[[MASKED]] dims = [0]
// CHECK-NEXT: fabric.neg %[[S]]
func.func @halves(%x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<5xf32>, tensor<6x5xf32>) {
  %0 = fabric.sigmoid %x : tensor<6x5xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<6x5xf32> -> tensor<5xf32>
  %2 = fabric.neg %0 : tensor<6x5xf32>
  return %1, %2 : tensor<5xf32>, tensor<6x5xf32>
}
}

// -----

// One zero factor is enough for a product; the smaller operand is masked.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @contraction
// CHECK: %[[S:.+]] = fabric.sigmoid %{{.*}} : tensor<4x6xf32>
// CHECK-NEXT: %[[V:.+]] = fabric.sigmoid %{{.*}} : tensor<2x6xf32>
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[V]], %{{.*}} dim = 1 : tensor<2x6xf32>
// CHECK-NEXT: fabric.linear %[[S]], %[[MASKED]]
// CHECK-NEXT: fabric.linear %{{.*}}, %[[V]]
func.func @contraction(%x: tensor<4x5xf32> {fabric.input = #fabric.input<"x">},
    %w: tensor<2x5xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>}) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %0 = fabric.sigmoid %x : tensor<4x5xf32>
  %1 = fabric.sigmoid %w : tensor<2x5xf32>
  %2 = fabric.linear %0, %1 : (tensor<4x5xf32>, tensor<2x5xf32>) -> tensor<4x2xf32>
  %3 = fabric.linear %x, %1 : (tensor<4x5xf32>, tensor<2x5xf32>) -> tensor<4x2xf32>
  return %2, %3 : tensor<4x2xf32>, tensor<4x2xf32>
}
}

// -----

// Merged dims: the major part is padded, and the mask knows the pattern. A
// constant that is no splat gets zeros; a splat grows.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// CHECK-LABEL: func.func @merged(
// CHECK-SAME: tensor<4x2xf32> {dist.logical_shape = array<i64: 3, 2>
// CHECK-SAME: -> (tensor<8xf32> {dist.logical_shape = array<i64: 6>}
// CHECK: fabric.constant dense<[1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00]> : tensor<8xf32>
// CHECK: fabric.reshape %{{.*}} : tensor<4x2xf32> -> tensor<8xf32>
// CHECK: fabric.constant dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00, 6.000000e+00, 0.000000e+00, 0.000000e+00]> : tensor<8xf32>
// CHECK: fabric.constant dense<2.000000e+00> : tensor<8xf32>
// CHECK: %[[MASKED:.+]] = fabric.mask
// CHECK: fabric.sum %[[MASKED]]
func.func @merged(%x: tensor<3x2xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<6xf32>, tensor<f32>) {
  %0 = fabric.reshape %x : tensor<3x2xf32> -> tensor<6xf32>
  %c = fabric.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> : tensor<6xf32>
  %1 = fabric.add %0, %c : tensor<6xf32>
  %two = fabric.constant dense<2.0> : tensor<6xf32>
  %2 = fabric.add %1, %two : tensor<6xf32>
  %3 = fabric.sum %2 dims = [0] : tensor<6xf32> -> tensor<f32>
  return %2, %3 : tensor<6xf32>, tensor<f32>
}
}

// -----

// What is asked for twice is served by one size: tp=2 for w1's columns, dp=3 by
// way of the square of the input, 6 for both.
module attributes {dist.mesh = #dist.mesh<["dp"=3, "tp"=2]>} {
// CHECK-LABEL: func.func @both(
// CHECK-SAME: tensor<6x4xf32> {dist.logical_shape = array<i64: 5, 4>
// CHECK-SAME: tensor<6x4xf32> {dist.logical_shape = array<i64: 5, 4>
func.func @both(%x: tensor<5x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<5x4xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) -> tensor<5x4xf32> {
  %0 = fabric.add %x, %w : tensor<5x4xf32>
  return %0 : tensor<5x4xf32>
}
}

// -----

// A square of ones is shared by chance: its dims are not one factor.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @shared_constant(
// CHECK-SAME: tensor<8x6xf32> {dist.logical_shape = array<i64: 6, 6>
// CHECK-SAME: tensor<6x6xf32> {fabric.param
// CHECK-SAME: -> (tensor<8x6xf32> {dist.logical_shape = array<i64: 6, 6>}, tensor<6x6xf32>)
func.func @shared_constant(%x: tensor<6x6xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<6x6xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<6x6xf32>, tensor<6x6xf32>) {
  %c = fabric.constant dense<1.0> : tensor<6x6xf32>
  %0 = fabric.add %x, %c : tensor<6x6xf32>
  %1 = fabric.add %w, %c : tensor<6x6xf32>
  return %0, %1 : tensor<6x6xf32>, tensor<6x6xf32>
}
}

// -----

// What decides between floats is no float and is not masked; what it made is.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @condition(
// CHECK: %[[CHOSEN:.+]] = fabric.compare
// CHECK-NEXT: %[[FLOATS:.+]] = fabric.cast %[[CHOSEN]]
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[FLOATS]]
// CHECK-NEXT: fabric.sum %[[MASKED]]
func.func @condition(%x: tensor<6x2xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %b: tensor<2xf32> {fabric.param = #fabric.param<"b">}) -> tensor<2xf32> {
  %0 = fabric.broadcast %b dims = [1] : tensor<2xf32> -> tensor<6x2xf32>
  %c = fabric.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 1.0], [2.0, 3.0]]> : tensor<6x2xf32>
  %1 = fabric.div %x, %c : tensor<6x2xf32>
  %2 = fabric.compare lt %1, %0 : (tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<6x2xi1>
  %3 = fabric.cast %2 : tensor<6x2xi1> -> tensor<6x2xf32>
  %4 = fabric.sum %3 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  return %4 : tensor<2xf32>
}
}

// -----

// Zero by zero is no number: a quotient is masked. Zero by what repeats true
// elements is zero, and is not.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @quotients(
// CHECK: %[[Q:.+]] = fabric.div
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[Q]]
// CHECK-NEXT: fabric.sum %[[MASKED]]
// CHECK: %[[R:.+]] = fabric.div
// CHECK-NEXT: fabric.sum %[[R]]
func.func @quotients(%x: tensor<6x2xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %y: tensor<6x2xf32> {fabric.input = #fabric.input<"y", batch_dim = 0>},
    %b: tensor<2xf32> {fabric.param = #fabric.param<"b">}) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = fabric.div %x, %y : tensor<6x2xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  %2 = fabric.broadcast %b dims = [1] : tensor<2xf32> -> tensor<6x2xf32>
  %3 = fabric.div %x, %2 : tensor<6x2xf32>
  %4 = fabric.sum %3 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  return %1, %4 : tensor<2xf32>, tensor<2xf32>
}
}

// -----

// Whichever a condition takes that repeats true elements, it takes zero: no mask.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @either(
// CHECK-NOT: fabric.mask
func.func @either(%x: tensor<6x2xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %y: tensor<6x2xf32> {fabric.input = #fabric.input<"y", batch_dim = 0>},
    %b: tensor<2xf32> {fabric.param = #fabric.param<"b">}, %c: tensor<2xf32> {fabric.param = #fabric.param<"c">}) -> tensor<2xf32> {
  %0 = fabric.compare lt %b, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %1 = fabric.broadcast %0 dims = [1] : tensor<2xi1> -> tensor<6x2xi1>
  %2 = fabric.select %1, %x, %y : (tensor<6x2xi1>, tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<6x2xf32>
  %3 = fabric.sum %2 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  return %3 : tensor<2xf32>
}
}

// -----

// Zero times what may be infinite is masked, in a product too: 1 / b may be, and
// b is not.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>} {
// CHECK-LABEL: func.func @infinite(
// CHECK: %[[D:.+]] = fabric.div
// CHECK-NEXT: %[[ROWS:.+]] = fabric.broadcast %[[D]]
// CHECK-NEXT: %[[PRODUCT:.+]] = fabric.mul %{{.*}}, %[[ROWS]]
// CHECK-NEXT: %[[MASKED:.+]] = fabric.mask %[[PRODUCT]]
// CHECK-NEXT: fabric.sum %[[MASKED]]
// CHECK-NEXT: %[[MASKED_ROWS:.+]] = fabric.mask %[[ROWS]]
// CHECK-NEXT: fabric.contract %{{.*}}, %[[MASKED_ROWS]]
// CHECK: %[[FINITE:.+]] = fabric.mul
// CHECK-NEXT: fabric.sum %[[FINITE]]
func.func @infinite(%x: tensor<6x2xf32> {fabric.param = #fabric.param<"x">, dist.tp = #dist.tp<colwise>},
    %b: tensor<2xf32> {fabric.param = #fabric.param<"b">}) -> (tensor<2xf32>, tensor<2x2xf32>, tensor<2xf32>) {
  %one = fabric.constant dense<1.0> : tensor<2xf32>
  %0 = fabric.div %one, %b : tensor<2xf32>
  %1 = fabric.broadcast %0 dims = [1] : tensor<2xf32> -> tensor<6x2xf32>
  %2 = fabric.mul %x, %1 : tensor<6x2xf32>
  %3 = fabric.sum %2 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  %4 = fabric.contract %x, %1 batch = [] x [] contract = [0] x [0] : (tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<2x2xf32>
  %5 = fabric.broadcast %b dims = [1] : tensor<2xf32> -> tensor<6x2xf32>
  %6 = fabric.mul %x, %5 : tensor<6x2xf32>
  %7 = fabric.sum %6 dims = [0] : tensor<6x2xf32> -> tensor<2xf32>
  return %3, %4, %7 : tensor<2xf32>, tensor<2x2xf32>, tensor<2xf32>
}
}
