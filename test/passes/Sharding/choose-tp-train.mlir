// RUN: fabric-opt %s -split-input-file -train -dist-choose-tp -verify-diagnostics | FileCheck %s
// RUN: fabric-opt %s -split-input-file -train -shard -partition | FileCheck %s --check-prefix=PROGRAM

// The gated feed-forward with a sum for its loss: "tp" carries 4 bytes.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @feedforward(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w3">
// States have none: they are stored as their parameter. Layouts of activations
// follow.
// CHECK-NOT: dist.tp
// CHECK-NOT: dist.constraint
// CHECK: return
// PROGRAM-LABEL: func.func @feedforward(
// PROGRAM-NOT: axes = {"tp"}
// PROGRAM: dist.all_reduce sum %{{.*}} axes = {"dp", "tp"} : tensor<f32>
// PROGRAM-NOT: axes = {"tp"}
// PROGRAM: return
// expected-remark @below {{tensor parallelism over axis "tp" of size 2: sends 4 bytes a rank in 1 collective; 1835008 FLOPs of products instead of 3670016, 196608 bytes of weights instead of 393216}}
func.func @feedforward(
    %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1": colwise}}
    %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1">},
    // Its products are the forward's, and the one that takes gradients through it.
    // expected-remark @below {{parameter "w2": rowwise over axis "tp" of size 2: 65536 bytes a rank instead of 131072, 524288 FLOPs of its products instead of 1048576}}
    %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "w3": colwise}}
    %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %b = fabric.silu %a : tensor<16x256xf32>
  %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %d = fabric.mul %b, %c : tensor<16x256xf32>
  %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
  %loss = fabric.sum %y dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// The same over three ranks, and where gradients are the results.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=3]>, fabric.train = #fabric.train<gradients>} {
// CHECK-LABEL: func.func @three(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w3">
// PROGRAM-LABEL: func.func @three(
// PROGRAM-NOT: dist.all_gather
// PROGRAM: dist.all_reduce sum %{{.*}} axes = {"tp"} : tensor<f32>
// PROGRAM-NOT: dist.{{all|reduce}}
// PROGRAM: return
// expected-remark @below {{over axis "tp" of size 3: sends 5 bytes a rank in 1 collective}}
func.func @three(
    %x: tensor<4x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1": colwise}}
    %w1: tensor<9x5xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2": rowwise}}
    %w2: tensor<5x9xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "w3": colwise}}
    %w3: tensor<9x5xf32> {fabric.param = #fabric.param<"w3">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %a = fabric.linear %x, %w1 : (tensor<4x5xf32>, tensor<9x5xf32>) -> tensor<4x9xf32>
  %b = fabric.silu %a : tensor<4x9xf32>
  %c = fabric.linear %x, %w3 : (tensor<4x5xf32>, tensor<9x5xf32>) -> tensor<4x9xf32>
  %d = fabric.mul %b, %c : tensor<4x9xf32>
  %y = fabric.linear %d, %w2 : (tensor<4x9xf32>, tensor<5x9xf32>) -> tensor<4x5xf32>
  %loss = fabric.sum %y dims = [0, 1] : tensor<4x5xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// A chain of linears alternates over four ranks, backward too: an all-reduce of
// activations forward, one of gradients backward, and the loss.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>, fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w3">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w4">
// PROGRAM-LABEL: func.func @chain(
// PROGRAM-COUNT-2: dist.all_reduce sum %{{.*}} axes = {"tp"} : tensor<8x32xf32>
// PROGRAM: dist.all_reduce sum %{{.*}} axes = {"tp"} : tensor<f32>
// PROGRAM-NOT: dist.{{all|reduce}}
// PROGRAM: return
// expected-remark @below {{sends 3078 bytes a rank in 3 collectives}}
func.func @chain(
    %x: tensor<8x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1"}}
    %w1: tensor<32x32xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2"}}
    %w2: tensor<32x32xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "w3"}}
    %w3: tensor<32x32xf32> {fabric.param = #fabric.param<"w3">},
    // expected-remark @below {{parameter "w4"}}
    %w4: tensor<32x32xf32> {fabric.param = #fabric.param<"w4">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w1 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %1 = fabric.linear %0, %w2 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %2 = fabric.linear %1, %w3 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %3 = fabric.linear %2, %w4 : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %loss = fabric.sum %3 dims = [0, 1] : tensor<8x32xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// Megatron's feed-forward: the loss is the mean of squares, and the bias of the
// rowwise linear is whole. The loss is computed on blocks, with a slice of the
// bias: to scatter the sum, and to gather its gradient, is as many bytes as to
// reduce it to all. Neither end of that is seen from the styles.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @mlp(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"up.weight">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"up.bias">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"down.weight">
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"down.bias">
// CHECK: %[[Y:.*]] = fabric.linear {{.*}} -> tensor<16x16xf32>
// CHECK-NEXT: %[[BLOCKS:.*]] = dist.constraint %[[Y]] sharding = <#mesh, [{"dp"}, {"tp"}]>
// CHECK: fabric.add %[[BLOCKS]]
// CHECK: %[[DY:.*]] = dist.constraint %{{.*}} sharding = <#mesh, [{"dp"}, {"tp"}]>
// CHECK-NEXT: %[[WHOLE:.*]] = dist.constraint %[[DY]] sharding = <#mesh, [{"dp"}, {}]>
// CHECK: fabric.contract %[[WHOLE]]
// PROGRAM-LABEL: func.func @mlp(
// PROGRAM: dist.reduce_scatter sum %{{.*}} dim = 1 axes = {"tp"} : tensor<8x16xf32> -> tensor<8x8xf32>
// PROGRAM: dist.all_gather %{{.*}} dim = 1 axes = {"tp"} : tensor<8x8xf32> -> tensor<8x16xf32>
// PROGRAM-NOT: tensor<{{[0-9x]+}}xf32> -> tensor<{{.*}}axes = {"tp"}
// PROGRAM: return
// expected-remark @below {{sends 516 bytes a rank in 3 collectives}}
func.func @mlp(
    %x: tensor<16x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "up.weight": colwise}}
    %w1: tensor<32x16xf32> {fabric.param = #fabric.param<"up.weight">},
    // expected-remark @below {{parameter "up.bias": colwise}}
    %b1: tensor<32xf32> {fabric.param = #fabric.param<"up.bias">},
    // expected-remark @below {{parameter "down.weight": rowwise}}
    %w2: tensor<16x32xf32> {fabric.param = #fabric.param<"down.weight">},
    // expected-remark @below {{parameter "down.bias": replicate}}
    %b2: tensor<16xf32> {fabric.param = #fabric.param<"down.bias">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
  %1 = fabric.broadcast %b1 dims = [1] : tensor<32xf32> -> tensor<16x32xf32>
  %2 = fabric.add %0, %1 : tensor<16x32xf32>
  %3 = fabric.silu %2 : tensor<16x32xf32>
  %4 = fabric.linear %3, %w2 : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  %5 = fabric.broadcast %b2 dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
  %6 = fabric.add %4, %5 : tensor<16x16xf32>
  %7 = fabric.mul %6, %6 : tensor<16x16xf32>
  %8 = fabric.sum %7 dims = [0, 1] : tensor<16x16xf32> -> tensor<f32>
  %9 = fabric.constant dense<3.90625e-3> : tensor<f32>
  %loss = fabric.mul %8, %9 : tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// A product with no dim that three ranks divide is computed by all of them, and
// its gradient is nobody's sum.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=3]>, fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @small(
// CHECK-SAME: {dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"w">
// PROGRAM-LABEL: func.func @small(
// PROGRAM-NOT: "tp"}
// PROGRAM: return
// expected-remark @below {{sends 0 bytes a rank in 0 collectives}}
func.func @small(
    %x: tensor<6x5xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": replicate over axis "tp" of size 3, which divides no dim that a style splits of 'tensor<4x5xf32>'}}
    %w: tensor<4x5xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<6x5xf32>, tensor<4x5xf32>) -> tensor<6x4xf32>
  %loss = fabric.sum %0 dims = [0, 1] : tensor<6x4xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// Feed-forwards on a residual stream of which both ends are sums: the stream is
// split over its features, forward and backward, which no parameter says. Per
// layer that is as many bytes as to reduce to all; the ends are scattered only.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @residual(
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"w2">
// CHECK-SAME: {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"v1">
// CHECK-SAME: {dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"v2">
// CHECK: dist.constraint {{.*}} [{"dp"}, {"tp"}]
// PROGRAM-LABEL: func.func @residual(
// PROGRAM-NOT: dist.all_reduce sum %{{.*}} : tensor<8x16xf32>
// PROGRAM-COUNT-2: dist.reduce_scatter sum %{{.*}} dim = 1 axes = {"tp"} : tensor<8x16xf32> -> tensor<8x8xf32>
// PROGRAM: return
// expected-remark @below {{sends 1284 bytes a rank in 6 collectives}}
func.func @residual(
    %x: tensor<16x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1"}}
    %w1: tensor<32x16xf32> {fabric.param = #fabric.param<"w1">},
    // expected-remark @below {{parameter "w2"}}
    %w2: tensor<16x32xf32> {fabric.param = #fabric.param<"w2">},
    // expected-remark @below {{parameter "v1"}}
    %v1: tensor<32x16xf32> {fabric.param = #fabric.param<"v1">},
    // expected-remark @below {{parameter "v2"}}
    %v2: tensor<16x32xf32> {fabric.param = #fabric.param<"v2">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
  %1 = fabric.silu %0 : tensor<16x32xf32>
  %2 = fabric.linear %1, %w2 : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  %3 = fabric.add %x, %2 : tensor<16x16xf32>
  %4 = fabric.linear %3, %v1 : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
  %5 = fabric.silu %4 : tensor<16x32xf32>
  %6 = fabric.linear %5, %v2 : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  %7 = fabric.add %3, %6 : tensor<16x16xf32>
  %loss = fabric.sum %7 dims = [0, 1] : tensor<16x16xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}
