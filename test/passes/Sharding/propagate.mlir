// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -dist-verify-sharded | FileCheck %s
// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -o %t.1
// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -o %t.2
// RUN: cmp %t.1 %t.2

// How axes reach every op, in both directions, without anyone disagreeing.
// propagate-partial.mlir has reductions, propagate-conflicts.mlir disagreement.

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {

// An MLP with biases: colwise splits the bias with its weight, rowwise does not.
// The bias of a row-split layer is added after the reduction, once.
// CHECK-LABEL: func.func @mlp
// CHECK: %[[H:.*]] = fabric.linear {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[B:.*]] = fabric.broadcast {{.*}} : tensor<64xf32, #dist.sharding<#mesh, [{"tp"}]>> -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: fabric.add %[[H]], %[[B]] : tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: fabric.silu %{{.*}} : tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[Y:.*]] = fabric.linear {{.*}} -> tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK: %[[B2:.*]] = fabric.broadcast {{.*}} : tensor<32xf32, #dist.sharding<#mesh, [{}]>> -> tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: %[[R:.*]] = dist.reshard %[[Y]] : {{.*}} -> tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: %[[S:.*]] = fabric.add %[[R]], %[[B2]] : tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: return %[[S]]
func.func @mlp(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<64x32xf32> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<64xf32> {fabric.param = #fabric.param<"1.bias">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<32x64xf32> {fabric.param = #fabric.param<"2.weight">, dist.tp = #dist.tp<rowwise>},
    %b2: tensor<32xf32> {fabric.param = #fabric.param<"2.bias">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x32xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x32xf32>, tensor<64x32xf32>) -> tensor<16x64xf32>
  %1 = fabric.broadcast %b1 dims = [1] : tensor<64xf32> -> tensor<16x64xf32>
  %2 = fabric.add %0, %1 : tensor<16x64xf32>
  %3 = fabric.silu %2 : tensor<16x64xf32>
  %4 = fabric.linear %3, %w2 : (tensor<16x64xf32>, tensor<32x64xf32>) -> tensor<16x32xf32>
  %5 = fabric.broadcast %b2 dims = [1] : tensor<32xf32> -> tensor<16x32xf32>
  %6 = fabric.add %4, %5 : tensor<16x32xf32>
  return %6 : tensor<16x32xf32>
}

// A bias that nobody styled is whole, and each rank takes its block of it.
// CHECK-LABEL: func.func @bias_unstyled
// CHECK: %[[BLOCK:.*]] = dist.reshard %{{.*}} : tensor<64xf32, #dist.sharding<#mesh, [{}]>> -> tensor<64xf32, #dist.sharding<#mesh, [{"tp"}]>>
// CHECK: fabric.broadcast %[[BLOCK]] {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
func.func @bias_unstyled(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<64x32xf32> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<64xf32> {fabric.param = #fabric.param<"1.bias">})
    -> (tensor<16x64xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x32xf32>, tensor<64x32xf32>) -> tensor<16x64xf32>
  %1 = fabric.broadcast %b1 dims = [1] : tensor<64xf32> -> tensor<16x64xf32>
  %2 = fabric.add %0, %1 : tensor<16x64xf32>
  return %2 : tensor<16x64xf32>
}

// Backward through a chain: a row-split weight wants its input split, so what
// was reduced is scattered, and silu works on blocks.
// CHECK-LABEL: func.func @rowwise_rowwise
// CHECK: %[[Y:.*]] = fabric.linear {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK: %[[R:.*]] = dist.reshard %[[Y]] : {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[S:.*]] = fabric.silu %[[R]] : tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[Z:.*]] = fabric.linear %[[S]], {{.*}} -> tensor<16x48xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
func.func @rowwise_rowwise(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<64x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>},
    %w2: tensor<48x64xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<16x48xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x32xf32>, tensor<64x32xf32>) -> tensor<16x64xf32>
  %1 = fabric.silu %0 : tensor<16x64xf32>
  %2 = fabric.linear %1, %w2 : (tensor<16x64xf32>, tensor<48x64xf32>) -> tensor<16x48xf32>
  return %2 : tensor<16x48xf32>
}

// Merged dims: "dp" stays on the major part, and comes out of it again.
// Transposes carry axes along.
// CHECK-LABEL: func.func @merged_dims
// CHECK: fabric.reshape {{.*}} -> tensor<32x32xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: fabric.linear {{.*}} -> tensor<32x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[R:.*]] = fabric.reshape {{.*}} -> tensor<4x8x64xf32, #dist.sharding<#mesh, [{"dp"}, {}, {"tp"}]>>
// CHECK: %[[T:.*]] = fabric.transpose %[[R]] {{.*}} -> tensor<64x4x8xf32, #dist.sharding<#mesh, [{"tp"}, {"dp"}, {}]>>
// CHECK-NEXT: return %[[T]]
func.func @merged_dims(
    %x: tensor<4x8x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<64x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>})
    -> (tensor<64x4x8xf32> {fabric.result = "y"}) {
  %0 = fabric.reshape %x : tensor<4x8x32xf32> -> tensor<32x32xf32>
  %1 = fabric.linear %0, %w : (tensor<32x32xf32>, tensor<64x32xf32>) -> tensor<32x64xf32>
  %2 = fabric.reshape %1 : tensor<32x64xf32> -> tensor<4x8x64xf32>
  %3 = fabric.transpose %2 permutation = [2, 0, 1] : tensor<4x8x64xf32> -> tensor<64x4x8xf32>
  return %3 : tensor<64x4x8xf32>
}

// What has no operands is made under every sharding that a use wants, and never
// resharded.
// CHECK-LABEL: func.func @constants
// CHECK: %[[A:.*]] = fabric.constant {{.*}} -> tensor<8x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: %[[B:.*]] = fabric.constant {{.*}} -> tensor<8x8xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
// CHECK: %[[C:.*]] = fabric.constant {{.*}} -> tensor<8x8xf32, #dist.sharding<#mesh, [{}, {}]>>
// CHECK: fabric.mul %{{.*}}, %[[A]]
// CHECK: fabric.mul %{{.*}}, %[[B]]
// CHECK: return {{.*}}, %[[C]]
func.func @constants(
    %x: tensor<8x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %z: tensor<8x8xf32> {fabric.input = #fabric.input<"z", batch_dim = 1>})
    -> (tensor<8x8xf32> {fabric.result = "a"}, tensor<8x8xf32> {fabric.result = "b"}, tensor<8x8xf32> {fabric.result = "c"}) {
  %c = fabric.constant dense<2.0> : tensor<8x8xf32>
  %a = fabric.mul %x, %c : tensor<8x8xf32>
  %b = fabric.mul %z, %c : tensor<8x8xf32>
  return %a, %b, %c : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// A constraint reaches back to what makes the value, and forward to what uses
// it; where it is met, nothing is left of it.
// CHECK-LABEL: func.func @constraint
// CHECK: %[[X:.*]] = dist.reshard %{{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
// CHECK-NEXT: %[[A:.*]] = fabric.silu %[[X]] : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
// CHECK-NEXT: %[[B:.*]] = fabric.neg %[[A]] : tensor<16x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
// CHECK-NEXT: return %[[B]], %[[A]]
func.func @constraint(%x: tensor<16x8xf32> {fabric.input = #fabric.input<"x">})
    -> (tensor<16x8xf32> {fabric.result = "a"}, tensor<16x8xf32> {fabric.result = "b"}) {
  %a = fabric.silu %x : tensor<16x8xf32>
  %c = dist.constraint %a sharding = <#mesh, [{"dp", "tp"}, {}]> : tensor<16x8xf32>
  %b = fabric.neg %c : tensor<16x8xf32>
  return %b, %c : tensor<16x8xf32>, tensor<16x8xf32>
}

// Storage is nobody's business: two inputs stored differently, and a constraint
// on one only for those who use its result.
// CHECK-LABEL: func.func @constraint_on_input
// CHECK-SAME: %[[X:[^:]*]]: tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: %[[C:.*]] = dist.reshard %[[X]] {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {"dp"}]>>
// CHECK-NEXT: fabric.silu %[[C]]
// CHECK-NEXT: fabric.silu %[[X]]
func.func @constraint_on_input(%x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>})
    -> (tensor<16x8xf32> {fabric.result = "a"}, tensor<16x8xf32> {fabric.result = "b"}) {
  %c = dist.constraint %x sharding = <#mesh, [{"tp"}, {"dp"}]> : tensor<16x8xf32>
  %a = fabric.silu %c : tensor<16x8xf32>
  %b = fabric.silu %x : tensor<16x8xf32>
  return %a, %b : tensor<16x8xf32>, tensor<16x8xf32>
}

// An update that is not made in place is stored as its argument all the same.
// CHECK-LABEL: func.func @sgd
// CHECK: %[[N:.*]] = fabric.sub {{.*}} : tensor<8x32xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-NEXT: %[[S:.*]] = dist.reshard %[[N]] : {{.*}} -> tensor<8x32xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-NEXT: return %[[S]]
func.func @sgd(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>})
    -> (tensor<8x32xf32> {fabric.update_of = 1}) {
  %y = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  %g = fabric.contract %y, %x batch = [] x [] contract = [0] x [0] : (tensor<16x8xf32>, tensor<16x32xf32>) -> tensor<8x32xf32>
  %n = fabric.sub %w, %g : tensor<8x32xf32>
  return %n : tensor<8x32xf32>
}

// Arguments returned, and results that nothing touches.
// CHECK-LABEL: func.func @trivial
// CHECK: return %{{.*}}, %{{.*}} : tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>, tensor<f32, #dist.sharding<#mesh, []>>
func.func @trivial(%x: tensor<4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>})
    -> (tensor<4xf32> {fabric.result = "x"}, tensor<f32> {fabric.result = "c"}) {
  %c = fabric.constant dense<1.0> : tensor<f32>
  return %x, %c : tensor<4xf32>, tensor<f32>
}
}

// -----

// Three axes: the third is used where a constraint says so, and goes on from
// there. The weight is whole over it, its gradient a term over "dp" and "sp".
#mesh = #dist.mesh<["dp"=2, "sp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @three_axes
// CHECK: dist.reshard %{{.*}} -> tensor<4x8x32xf32, #dist.sharding<#mesh, [{"dp"}, {"sp"}, {}]>>
// CHECK: fabric.linear {{.*}} -> tensor<4x8x64xf32, #dist.sharding<#mesh, [{"dp"}, {"sp"}, {"tp"}]>>
// CHECK: fabric.contract {{.*}} -> tensor<64x32xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp", "sp"}>>
func.func @three_axes(
    %x: tensor<4x8x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<64x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>})
    -> (tensor<4x8x64xf32> {fabric.result = "y"}, tensor<64x32xf32> {fabric.result = "g"}) {
  %c = dist.constraint %x sharding = <#mesh, [{"dp"}, {"sp"}, {}]> : tensor<4x8x32xf32>
  %y = fabric.linear %c, %w : (tensor<4x8x32xf32>, tensor<64x32xf32>) -> tensor<4x8x64xf32>
  %g = fabric.contract %y, %c batch = [] x [] contract = [0, 1] x [0, 1] : (tensor<4x8x64xf32>, tensor<4x8x32xf32>) -> tensor<64x32xf32>
  return %y, %g : tensor<4x8x64xf32>, tensor<64x32xf32>
}
}

// -----

// Sizes 1 and 3.
#mesh = #dist.mesh<["tp"=3, "one"=1, "dp"=1]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @small_axes
// CHECK: fabric.linear {{.*}} -> tensor<5x6xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
// CHECK: fabric.linear {{.*}} -> tensor<5x4xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>
func.func @small_axes(
    %x: tensor<5x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<6x4xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<4x6xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<5x4xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<5x4xf32>, tensor<6x4xf32>) -> tensor<5x6xf32>
  %1 = fabric.linear %0, %w2 : (tensor<5x6xf32>, tensor<4x6xf32>) -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}
}

// -----

// An axis is given away in parts where a dim is: 4 ranks over [2, 8] are 2 over
// the first and 2 over the second, the same blocks.
#mesh = #dist.mesh<["dp"=4]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @sub_axes
// CHECK: fabric.reshape {{.*}} -> tensor<2x8xf32, #dist.sharding<#mesh, [{"dp":(1)2}, {"dp":(2)2}]>>
// CHECK: fabric.reshape {{.*}} -> tensor<16xf32, #dist.sharding<#mesh, [{"dp"}]>>
func.func @sub_axes(%x: tensor<16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<16xf32> {fabric.result = "y"}) {
  %0 = fabric.reshape %x : tensor<16xf32> -> tensor<2x8xf32>
  %1 = fabric.silu %0 : tensor<2x8xf32>
  %2 = fabric.reshape %1 : tensor<2x8xf32> -> tensor<16xf32>
  return %2 : tensor<16xf32>
}
}
