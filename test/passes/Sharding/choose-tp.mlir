// RUN: fabric-opt %s -split-input-file -dist-choose-tp -verify-diagnostics | FileCheck %s

// The gated feed-forward, forward only: only the result is reduced, 2 (n-1)/n of
// 8 x 128 floats on each of two data-parallel ranks.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @feedforward(
// CHECK-SAME: %{{[^:]*}}: tensor<16x128xf32> {fabric.input
// CHECK-SAME: %{{[^:]*}}: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: %{{[^:]*}}: tensor<128x256xf32> {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: %{{[^:]*}}: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w3">
// expected-remark @below {{tensor parallelism over axis "tp" of size 2: sends 4096 bytes a rank in 1 collective; 786432 FLOPs of products instead of 1572864, 196608 bytes of weights instead of 393216}}
func.func @feedforward(
    %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1": colwise over axis "tp" of size 2: 65536 bytes a rank instead of 131072, 262144 FLOPs of its products instead of 524288}}
    %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2": rowwise over axis "tp" of size 2: 65536 bytes a rank instead of 131072, 262144 FLOPs of its products instead of 524288}}
    %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "w3": colwise}}
    %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3">})
    -> (tensor<16x128xf32> {fabric.result = "y"}) {
  %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %b = fabric.silu %a : tensor<16x256xf32>
  %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %d = fabric.mul %b, %c : tensor<16x256xf32>
  %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
  return %y : tensor<16x128xf32>
}
}

// -----

// Linears alternate: a chain of four over four ranks reduces twice.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>} {
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w3">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w4">
// expected-remark @below {{sends 3072 bytes a rank in 2 collectives; 16384 FLOPs of products instead of 65536, 4096 bytes of weights instead of 16384}}
func.func @chain(
    %x: tensor<8x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1": colwise over axis "tp" of size 4}}
    %w1: tensor<32x32xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2": rowwise over axis "tp" of size 4}}
    %w2: tensor<32x32xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "w3": colwise over axis "tp" of size 4}}
    %w3: tensor<32x32xf32> {fabric.param = #fabric.param<"w3">},
    // expected-remark @below {{parameter "w4": rowwise over axis "tp" of size 4}}
    %w4: tensor<32x32xf32> {fabric.param = #fabric.param<"w4">})
    -> (tensor<8x32xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %1 = fabric.linear %0, %w2 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %2 = fabric.linear %1, %w3 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %3 = fabric.linear %2, %w4 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  return %3 : tensor<8x32xf32>
}
}

// -----

// A bias goes with the result of its product: split with its dim, or whole
// where that is summed over ranks (and then sliced, for the sum is scattered,
// and gathered for the caller: as many bytes as to reduce it to all, and half of
// the additions).
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @mlp(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"up.weight">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"up.bias">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"down.weight">
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"down.bias">
// expected-remark @below {{sends 512 bytes a rank in 2 collectives}}
func.func @mlp(
    %x: tensor<16x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "up.weight": colwise}}
    %w1: tensor<32x16xf32> {fabric.param = #fabric.param<"up.weight">},
    // expected-remark @below {{parameter "up.bias": colwise over axis "tp" of size 2: 64 bytes a rank instead of 128}}
    %b1: tensor<32xf32> {fabric.param = #fabric.param<"up.bias">},
    // expected-remark @below {{parameter "down.weight": rowwise}}
    %w2: tensor<16x32xf32> {fabric.param = #fabric.param<"down.weight">},
    // expected-remark @below {{parameter "down.bias": replicate over axis "tp" of size 2, for to split it makes nothing cheaper: 64 bytes a rank}}
    %b2: tensor<16xf32> {fabric.param = #fabric.param<"down.bias">})
    -> (tensor<16x16xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
  %1 = fabric.broadcast %b1 dims = [1] : tensor<32xf32> -> tensor<16x32xf32>
  %2 = fabric.add %0, %1 : tensor<16x32xf32>
  %3 = fabric.silu %2 : tensor<16x32xf32>
  %4 = fabric.linear %3, %w2 : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  %5 = fabric.broadcast %b2 dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
  %6 = fabric.add %4, %5 : tensor<16x16xf32>
  return %6 : tensor<16x16xf32>
}
}

// -----

// What "tp" does not divide stays whole, and says why. The batch is not split
// over "tp", though it would divide it.
module attributes {dist.mesh = #dist.mesh<["tp"=3]>} {
// CHECK-LABEL: func.func @small(
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"w">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"v">
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"b">
// expected-remark @below {{sends 64 bytes a rank in 1 collective; 492 FLOPs of products instead of 636, 164 bytes of weights instead of 212}}
func.func @small(
    %x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %z: tensor<6x9xf32> {fabric.input = #fabric.input<"z", batch_dim = 0>},
    // expected-remark @below {{parameter "w": replicate over axis "tp" of size 3, which divides no dim that a style splits of 'tensor<7x5xf32>'}}
    %w: tensor<7x5xf32> {fabric.param = #fabric.param<"w">},
    // expected-remark @below {{parameter "v": rowwise}}
    %v: tensor<2x9xf32> {fabric.param = #fabric.param<"v">},
    // expected-remark @below {{parameter "b": replicate over axis "tp" of size 3, which divides no dim that a style splits of 'tensor<2xf32>'}}
    %b: tensor<2xf32> {fabric.param = #fabric.param<"b">})
    -> (tensor<6x7xf32> {fabric.result = "y"}, tensor<6x2xf32> {fabric.result = "t"}) {
  %0 = fabric.linear %x, %w : (tensor<6x5xf32>, tensor<7x5xf32>) -> tensor<6x7xf32>
  %1 = fabric.linear %z, %v : (tensor<6x9xf32>, tensor<2x9xf32>) -> tensor<6x2xf32>
  %2 = fabric.broadcast %b dims = [1] : tensor<2xf32> -> tensor<6x2xf32>
  %3 = fabric.add %1, %2 : tensor<6x2xf32>
  return %0, %3 : tensor<6x7xf32>, tensor<6x2xf32>
}
}

// -----

// Styles that are there stay, and the others are chosen around them: with w1
// rowwise the hidden layer is scattered, so w2 is rowwise as well.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @given(
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<sequence>, fabric.param = #fabric.param<"b">
// expected-remark @below {{sends 1024 bytes a rank in 3 collectives}}
func.func @given(
    %x: tensor<16x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<32x16xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>},
    // expected-remark @below {{parameter "w2": rowwise}}
    %w2: tensor<16x32xf32> {fabric.param = #fabric.param<"w2">},
    %b: tensor<16xf32> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<sequence>})
    -> (tensor<16x16xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
  %1 = fabric.silu %0 : tensor<16x32xf32>
  %2 = fabric.linear %1, %w2 : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  %3 = fabric.broadcast %b dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
  %4 = fabric.add %2, %3 : tensor<16x16xf32>
  return %4 : tensor<16x16xf32>
}
}

// -----

// With a style for every parameter there is nothing to say.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @nothing_open(
// CHECK-SAME: dist.tp = #dist.tp<replicate>
func.func @nothing_open(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<replicate>})
    -> (tensor<4x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
}

// -----

// Nor where "tp" has one rank, or does not exist.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @one_rank(
// CHECK-NOT: dist.tp
// CHECK: return
func.func @one_rank(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<4x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=4]>} {
// CHECK-LABEL: func.func @no_axis(
// CHECK-NOT: dist.tp
// CHECK: return
func.func @no_axis(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<4x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
}

// -----

// Two branches that are added: both products are left as terms, and one
// reduction serves their sum.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @branches(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"a1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"a2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"b1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"b2">
// expected-remark @below {{sends 256 bytes a rank in 1 collective}}
func.func @branches(
    %x: tensor<8x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "a1"}}
    %a1: tensor<32x8xf32> {fabric.param = #fabric.param<"a1">},
    // expected-remark @below {{parameter "a2"}}
    %a2: tensor<8x32xf32> {fabric.param = #fabric.param<"a2">},
    // expected-remark @below {{parameter "b1"}}
    %b1: tensor<16x8xf32> {fabric.param = #fabric.param<"b1">},
    // expected-remark @below {{parameter "b2"}}
    %b2: tensor<8x16xf32> {fabric.param = #fabric.param<"b2">})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %a1 : (tensor<8x8xf32>, tensor<32x8xf32>) -> tensor<8x32xf32>
  %1 = fabric.silu %0 : tensor<8x32xf32>
  %2 = fabric.linear %1, %a2 : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x8xf32>
  %3 = fabric.linear %x, %b1 : (tensor<8x8xf32>, tensor<16x8xf32>) -> tensor<8x16xf32>
  %4 = fabric.sigmoid %3 : tensor<8x16xf32>
  %5 = fabric.linear %4, %b2 : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x8xf32>
  %6 = fabric.add %2, %5 : tensor<8x8xf32>
  return %6 : tensor<8x8xf32>
}
}

// -----

// A parameter that is read twice has one style: what lies between its uses is
// gathered.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @shared(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"v">
// expected-remark @below {{sends 384 bytes a rank in 2 collectives}}
func.func @shared(
    %x: tensor<8x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": colwise over axis "tp" of size 2: 128 bytes a rank instead of 256, 1024 FLOPs of its products instead of 2048}}
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">},
    // expected-remark @below {{parameter "v"}}
    %v: tensor<8x8xf32> {fabric.param = #fabric.param<"v">})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = fabric.silu %0 : tensor<8x8xf32>
  %2 = fabric.linear %1, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = fabric.linear %2, %v : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}
}

// -----

// Only dim 2 of the parameter can be split, which is no style: the product is
// split all the same, of slices.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @third_dim(
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"w">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"unused">
// expected-remark @below {{FLOPs of products instead of 2880}}
func.func @third_dim(
    %x: tensor<8x3x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": replicate over axis "tp" of size 2, which divides no dim that a style splits of 'tensor<3x15x4xf32>'}}
    %w: tensor<3x15x4xf32> {fabric.param = #fabric.param<"w">},
    // expected-remark @below {{parameter "unused": colwise}}
    %unused: tensor<4x4xf32> {fabric.param = #fabric.param<"unused">})
    -> (tensor<3x8x15xf32> {fabric.result = "y"}) {
  %0 = fabric.contract %x, %w batch = [1] x [0] contract = [2] x [2] : (tensor<8x3x4xf32>, tensor<3x15x4xf32>) -> tensor<3x8x15xf32>
  return %0 : tensor<3x8x15xf32>
}
}

// -----

// What the user asks of an activation stands: the hidden layer is split over its
// rows, which are no batch here, and so exchanged and gathered (64, 128 bytes).
// Weights are split all the same. The result is gathered.
#mesh = #dist.mesh<["dp"=1, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @constraint(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w2">
// expected-remark @below {{sends 320 bytes a rank in 3 collectives}}
func.func @constraint(
    %x: tensor<8x8xf32> {fabric.input = #fabric.input<"x">},
    // expected-remark @below {{parameter "w1": colwise}}
    %w1: tensor<8x8xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2": colwise}}
    %w2: tensor<8x8xf32> {fabric.param = #fabric.param<"w2">})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = dist.constraint %0 sharding = <#mesh, [{"tp"}, {}]> : tensor<8x8xf32>
  %2 = fabric.silu %1 : tensor<8x8xf32>
  %3 = fabric.linear %2, %w2 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}
}
