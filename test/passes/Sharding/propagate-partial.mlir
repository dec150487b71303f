// RUN: fabric-opt %s -dist-assign-storage -dist-propagate -dist-verify-sharded | FileCheck %s

// Where the terms of a split reduction are reduced: as late as every use is
// linear in them, unless that costs more bytes.

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {

// A result is never partial. The input is whole over "tp"; a block of it is cut
// once for both products.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[X:[^:]*]]: tensor<16x32xf32
// CHECK: %[[B:.*]] = dist.reshard %[[X]] : {{.*}} -> tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: %[[Y:.*]] = fabric.linear %[[B]], {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[Z:.*]] = fabric.linear %[[B]], {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[RY:.*]] = dist.reshard %[[Y]] : {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: %[[RZ:.*]] = dist.reshard %[[Z]] : {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: return %[[RY]], %[[RZ]]
func.func @forward(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xf32> {fabric.result = "y"}, tensor<16x8xf32> {fabric.result = "z"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %z = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  return %y, %z : tensor<16x8xf32>, tensor<16x8xf32>
}

// Three partial products that meet in adds cost one reduction.
// CHECK-LABEL: func.func @three_terms
// CHECK-COUNT-3: fabric.linear {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: fabric.add {{.*}} : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[S:.*]] = fabric.sub {{.*}} : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[S]]
// CHECK-NEXT: fabric.silu %[[R]] : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
func.func @three_terms(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<8x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>},
    %w2: tensor<8x32xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
    %w3: tensor<8x32xf32> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xf32> {fabric.result = "y"}) {
  %1 = fabric.linear %x, %w1 : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %2 = fabric.linear %x, %w2 : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %3 = fabric.linear %x, %w3 : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %4 = fabric.add %1, %2 : tensor<16x8xf32>
  %5 = fabric.sub %4, %3 : tensor<16x8xf32>
  %6 = fabric.silu %5 : tensor<16x8xf32>
  return %6 : tensor<16x8xf32>
}

// Even where what follows is split: one scatter of the sum, not one a term.
// CHECK-LABEL: func.func @scattered_sum
// CHECK-COUNT-3: fabric.linear {{.*}}, partial = sum {"tp"}>>
// CHECK-NEXT: fabric.add {{.*}} : tensor<16x4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[S:.*]] = fabric.add {{.*}} : tensor<16x4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[S]] : {{.*}} -> tensor<16x4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}, {}]>>
// CHECK-NEXT: fabric.silu %[[R]]
func.func @scattered_sum(
    %x: tensor<16x4x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<8x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>},
    %w2: tensor<8x32xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
    %w3: tensor<8x32xf32> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x4x8xf32> {fabric.result = "y"}) {
  %1 = fabric.linear %x, %w1 : (tensor<16x4x32xf32>, tensor<8x32xf32>) -> tensor<16x4x8xf32>
  %2 = fabric.linear %x, %w2 : (tensor<16x4x32xf32>, tensor<8x32xf32>) -> tensor<16x4x8xf32>
  %3 = fabric.linear %x, %w3 : (tensor<16x4x32xf32>, tensor<8x32xf32>) -> tensor<16x4x8xf32>
  %4 = fabric.add %1, %2 : tensor<16x4x8xf32>
  %5 = fabric.add %4, %3 : tensor<16x4x8xf32>
  %c = dist.constraint %5 sharding = <#mesh, [{"dp"}, {"tp"}, {}]> : tensor<16x4x8xf32>
  %6 = fabric.silu %c : tensor<16x4x8xf32>
  return %6 : tensor<16x4x8xf32>
}

// A mean of squares: the difference to something whole needs the value, and so
// does a square; the sum is a term over "dp", and a constant may scale it.
// CHECK-LABEL: func.func @mean_square
// CHECK: %[[Y:.*]] = fabric.linear
// CHECK: %[[R:.*]] = dist.reshard %[[Y]] : {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: fabric.sub %[[R]]
// CHECK: %[[L:.*]] = fabric.sum {{.*}} -> tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp"}>>
// CHECK: %[[M:.*]] = fabric.mul %[[L]], {{.*}} -> tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp"}>>
// CHECK: dist.reshard %[[M]] : {{.*}} -> tensor<f32, #dist.sharding<#mesh, []>>
func.func @mean_square(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<16x8xf32> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %d = fabric.sub %y, %t : tensor<16x8xf32>
  %s = fabric.mul %d, %d : tensor<16x8xf32>
  %l = fabric.sum %s dims = [0, 1] : tensor<16x8xf32> -> tensor<f32>
  %c = fabric.constant dense<0.0078125> : tensor<f32>
  %m = fabric.mul %l, %c : tensor<f32>
  return %m : tensor<f32>
}

// The square of a partial value is not linear in it, though mul is linear in
// each operand.
// CHECK-LABEL: func.func @square
// CHECK: %[[Y:.*]] = fabric.linear
// CHECK: %[[R:.*]] = dist.reshard %[[Y]]
// CHECK: fabric.mul %[[R]], %[[R]] : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
func.func @square(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xf32> {fabric.result = "y"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %s = fabric.mul %y, %y : tensor<16x8xf32>
  return %s : tensor<16x8xf32>
}

// If one use needs the value, it is reduced once for all.
// CHECK-LABEL: func.func @one_needs_it
// CHECK: %[[Y:.*]] = fabric.linear
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[Y]]
// CHECK-NEXT: fabric.sum %[[R]]
// CHECK-NEXT: fabric.silu %[[R]]
func.func @one_needs_it(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xf32> {fabric.result = "y"}, tensor<f32> {fabric.result = "s"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %s = fabric.sum %y dims = [0, 1] : tensor<16x8xf32> -> tensor<f32>
  %z = fabric.silu %y : tensor<16x8xf32>
  return %z, %s : tensor<16x8xf32>, tensor<f32>
}

// Where uses want it in different blocks, it is reduced once, and cut from there:
// not reduced for one and scattered for the other.
// CHECK-LABEL: func.func @reduced_once
// CHECK: %[[Y:.*]] = fabric.linear {{.*}}, partial = sum {"tp"}>>
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[Y]] : {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: fabric.silu %[[R]]
// CHECK-NEXT: %[[S:.*]] = dist.reshard %[[R]] : {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: fabric.sigmoid %[[S]]
func.func @reduced_once(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xf32> {fabric.result = "a"}, tensor<16x8xf32> {fabric.result = "b"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %a = fabric.silu %y : tensor<16x8xf32>
  %b = fabric.sigmoid %y : tensor<16x8xf32>
  %ca = dist.constraint %a sharding = <#mesh, [{"dp"}, {}]> : tensor<16x8xf32>
  %cb = dist.constraint %b sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<16x8xf32>
  return %ca, %cb : tensor<16x8xf32>, tensor<16x8xf32>
}

// Reduced before it grows; kept while it grows if it shrinks again.
// CHECK-LABEL: func.func @grows_and_shrinks
// CHECK: %[[Y:.*]] = fabric.linear
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[Y]]
// CHECK-NEXT: fabric.broadcast %[[R]]
// CHECK: %[[Y2:.*]] = fabric.linear
// CHECK-NEXT: %[[B2:.*]] = fabric.broadcast %[[Y2]] {{.*}} -> tensor<4x16x8xf32, #dist.sharding<#mesh, [{}, {"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: fabric.sum %[[B2]] {{.*}} -> tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp", "tp"}>>
func.func @grows_and_shrinks(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<4x16x8xf32> {fabric.result = "y"}, tensor<f32> {fabric.result = "s"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %b = fabric.broadcast %y dims = [1, 2] : tensor<16x8xf32> -> tensor<4x16x8xf32>
  %z = fabric.silu %b : tensor<4x16x8xf32>
  %y2 = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %b2 = fabric.broadcast %y2 dims = [1, 2] : tensor<16x8xf32> -> tensor<4x16x8xf32>
  %s = fabric.sum %b2 dims = [0, 1, 2] : tensor<4x16x8xf32> -> tensor<f32>
  return %z, %s : tensor<4x16x8xf32>, tensor<f32>
}

// Terms are never rounded before they are added up; a cast to a wider type may
// be passed, but costs more bytes than to reduce first.
// CHECK-LABEL: func.func @casts
// CHECK: %[[Y:.*]] = fabric.linear
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[Y]]
// CHECK-NEXT: fabric.cast %[[R]]
// CHECK: %[[Y2:.*]] = fabric.linear
// CHECK-NEXT: %[[C2:.*]] = fabric.cast %[[Y2]] : {{.*}} -> tensor<16x8xf64, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: fabric.sum %[[C2]]
func.func @casts(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x8xbf16> {fabric.result = "narrow"}, tensor<f64> {fabric.result = "wide"}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %narrow = fabric.cast %y : tensor<16x8xf32> -> tensor<16x8xbf16>
  %y2 = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %c2 = fabric.cast %y2 : tensor<16x8xf32> -> tensor<16x8xf64>
  %wide = fabric.sum %c2 dims = [0, 1] : tensor<16x8xf64> -> tensor<f64>
  return %narrow, %wide : tensor<16x8xbf16>, tensor<f64>
}

// A tied parameter: the gradients of both uses are terms over "dp", are added as
// such, and are scattered to storage once. Updates take stored values.
// CHECK-LABEL: func.func @tied
// CHECK-SAME: %[[W:[^:]*]]: tensor<32x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>> {dist.tp
// CHECK-COUNT-1: dist.reshard %[[W]]
// CHECK: %[[G1:.*]] = fabric.contract {{.*}} -> tensor<32x8xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
// CHECK-NEXT: %[[G2:.*]] = fabric.contract {{.*}} -> tensor<32x8xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
// CHECK-NEXT: %[[G:.*]] = fabric.add %[[G1]], %[[G2]] : tensor<32x8xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
// CHECK-NEXT: %[[S:.*]] = dist.reshard %[[G]] : {{.*}} -> tensor<32x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-NEXT: fabric.adamw %[[W]], %[[S]]
func.func @tied(
    %x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<32x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %m: tensor<32x8xf32> {fabric.state = #fabric.state<"w", "exp_avg">},
    %v: tensor<32x8xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<f32> {fabric.result = "loss"}, tensor<32x8xf32> {fabric.update_of = 1}, tensor<32x8xf32> {fabric.update_of = 2}, tensor<32x8xf32> {fabric.update_of = 3}) {
  %y = fabric.linear %x, %w : (tensor<16x8xf32>, tensor<32x8xf32>) -> tensor<16x32xf32>
  %z = fabric.contract %y, %w batch = [] x [] contract = [1] x [0] : (tensor<16x32xf32>, tensor<32x8xf32>) -> tensor<16x8xf32>
  %loss = fabric.sum %z dims = [0, 1] : tensor<16x8xf32> -> tensor<f32>
  %one = fabric.constant dense<1.0> : tensor<f32>
  %dz = fabric.broadcast %one dims = [] : tensor<f32> -> tensor<16x8xf32>
  %dy = fabric.linear %dz, %w : (tensor<16x8xf32>, tensor<32x8xf32>) -> tensor<16x32xf32>
  %g1 = fabric.contract %y, %dz batch = [] x [] contract = [0] x [0] : (tensor<16x32xf32>, tensor<16x8xf32>) -> tensor<32x8xf32>
  %g2 = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0] : (tensor<16x32xf32>, tensor<16x8xf32>) -> tensor<32x8xf32>
  %g = fabric.add %g1, %g2 : tensor<32x8xf32>
  %0:3 = fabric.adamw %w, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>)
  return %loss, %0#0, %0#1, %0#2 : tensor<f32>, tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>
}
}
