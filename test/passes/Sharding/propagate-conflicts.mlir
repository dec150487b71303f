// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -dist-verify-sharded -verify-diagnostics | FileCheck %s

// Where neighbours disagree: decided by bytes, ties by program order. What the
// user cannot see in the types is said in a remark.

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {

// Two column-split layers: the axis is on the out-features of both, so the
// activation between them is gathered once. No factor is in doubt.
// CHECK-LABEL: func.func @colwise_colwise
// CHECK: fabric.linear {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: %[[S:.*]] = fabric.silu {{.*}} : tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: %[[G:.*]] = dist.reshard %[[S]] : {{.*}} -> tensor<16x64xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: fabric.linear %[[G]], {{.*}} -> tensor<16x48xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: fabric.linear %[[G]], {{.*}} -> tensor<16x48xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
func.func @colwise_colwise(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<64x32xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<48x64xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<colwise>})
    -> (tensor<16x48xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x32xf32>, tensor<64x32xf32>) -> tensor<16x64xf32>
  %1 = fabric.silu %0 : tensor<16x64xf32>
  %2 = fabric.linear %1, %w2 : (tensor<16x64xf32>, tensor<48x64xf32>) -> tensor<16x48xf32>
  %3 = fabric.linear %1, %w2 : (tensor<16x64xf32>, tensor<48x64xf32>) -> tensor<16x48xf32>
  %4 = fabric.add %2, %3 : tensor<16x48xf32>
  return %4 : tensor<16x48xf32>
}

// A product is computed whole by nobody if it can be split, even where splitting
// it sends more: the axis is either on k, or on n.
// CHECK-LABEL: func.func @product
// CHECK: fabric.contract {{.*}} -> tensor<4x4xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>
func.func @product(
    %a: tensor<4x64xf32> {fabric.input = #fabric.input<"a">},
    %b: tensor<64x4xf32> {fabric.input = #fabric.input<"b">})
    -> (tensor<4x4xf32> {fabric.result = "y"}) {
  %ca = dist.constraint %a sharding = <#mesh, [{}, {"tp"}]> : tensor<4x64xf32>
  %cb = dist.constraint %b sharding = <#mesh, [{}, {"tp"}]> : tensor<64x4xf32>
  // expected-remark@+1 {{axes {"tp"} split dim 1 of operand 0 of 'fabric.contract', which sends about 320 bytes a rank; dim 1 of result 0 would send 512}}
  %0 = fabric.contract %ca, %cb batch = [] x [] contract = [1] x [0] : (tensor<4x64xf32>, tensor<64x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// One axis wanted on two dims of an add. Either costs an exchange; on dim 1 the
// block of "tp" would be lost too.
// CHECK-LABEL: func.func @add
// CHECK: %[[Y:.*]] = fabric.linear {{.*}} -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[Z:.*]] = dist.reshard %{{.*}} : tensor<16x8xf32, #dist.sharding<#mesh, [{}, {"dp"}]>> -> tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-NEXT: fabric.add %[[Y]], %[[Z]]
func.func @add(
    %x: tensor<16x32xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x32xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %z: tensor<16x8xf32> {fabric.input = #fabric.input<"z", batch_dim = 1>})
    -> (tensor<16x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32>
  // expected-remark@+1 {{axes {"dp"} split dim 0 of result 0 of 'fabric.add'}}
  %1 = fabric.add %0, %z : tensor<16x8xf32>
  return %1 : tensor<16x8xf32>
}

// A tie goes to the smaller dim.
// CHECK-LABEL: func.func @tie
// CHECK: fabric.add {{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
func.func @tie(
    %a: tensor<8x8xf32> {fabric.input = #fabric.input<"a", batch_dim = 1>},
    %b: tensor<8x8xf32> {fabric.input = #fabric.input<"b", batch_dim = 0>})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  // expected-remark@+1 {{axes {"dp"} split dim 0 of result 0 of 'fabric.add', which sends about 64 bytes a rank; dim 1 of result 0 would send 64}}
  %0 = fabric.add %a, %b : tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// What is minor to it follows, though it was not next in the other's list.
// CHECK-LABEL: func.func @minor_axes
// CHECK: fabric.add {{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
func.func @minor_axes(
    %a: tensor<8x8xf32> {fabric.input = #fabric.input<"a">},
    %b: tensor<8x8xf32> {fabric.input = #fabric.input<"b">})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  %c = dist.constraint %a sharding = <#mesh, [{}, {"dp", "tp"}]> : tensor<8x8xf32>
  %d = dist.constraint %b sharding = <#mesh, [{"dp", "tp"}, {}]> : tensor<8x8xf32>
  // expected-remark@+1 {{axes {"dp"} split dim 0 of result 0 of 'fabric.add'}}
  %0 = fabric.add %c, %d : tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// Two against one: the third value is exchanged.
// CHECK-LABEL: func.func @majority
// CHECK: %[[B:.*]] = dist.reshard %{{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x8xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
// CHECK: fabric.add %{{.*}}, %[[B]] : tensor<8x8xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
func.func @majority(
    %a: tensor<8x8xf32> {fabric.input = #fabric.input<"a", batch_dim = 1>},
    %b: tensor<8x8xf32> {fabric.input = #fabric.input<"b", batch_dim = 0>})
    -> (tensor<8x8xf32> {fabric.result = "y"}) {
  // expected-remark@+1 {{axes {"dp"} split dim 1 of result 0 of 'fabric.add', which sends about 64 bytes a rank; dim 0 of result 0 would send 128}}
  %0 = fabric.add %a, %b : tensor<8x8xf32>
  %1 = dist.constraint %0 sharding = <#mesh, [{}, {"dp"}]> : tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// Different axes on one dim: both, so that no rank repeats another's work.
// CHECK-LABEL: func.func @both_axes
// CHECK: fabric.add {{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
// Nor where they come in another order.
// CHECK: fabric.add {{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{}, {"dp", "tp"}]>>
func.func @both_axes(
    %a: tensor<8x8xf32> {fabric.input = #fabric.input<"a">},
    %b: tensor<8x8xf32> {fabric.input = #fabric.input<"b">})
    -> (tensor<8x8xf32> {fabric.result = "y"}, tensor<8x8xf32> {fabric.result = "z"}) {
  %c = dist.constraint %a sharding = <#mesh, [{"tp"}, {}]> : tensor<8x8xf32>
  %d = dist.constraint %b sharding = <#mesh, [{"dp"}, {}]> : tensor<8x8xf32>
  %0 = fabric.add %c, %d : tensor<8x8xf32>
  %e = dist.constraint %a sharding = <#mesh, [{}, {"tp", "dp"}]> : tensor<8x8xf32>
  %f = dist.constraint %b sharding = <#mesh, [{}, {"dp", "tp"}]> : tensor<8x8xf32>
  %1 = fabric.add %e, %f : tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// A value that one use wants split and two want whole: it stays whole, for then
// the one cuts its block for nothing. The constraint stands for a product that
// needs all features.
// CHECK-LABEL: func.func @whole_for_most
// CHECK: %[[A:.*]] = fabric.silu {{.*}} : tensor<8x8xf32, #dist.sharding<#mesh, [{}, {}]>>
// CHECK-NEXT: %[[B:.*]] = dist.reshard %[[A]] : {{.*}} -> tensor<8x8xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
// CHECK-NEXT: fabric.neg %[[B]]
func.func @whole_for_most(%x: tensor<8x8xf32> {fabric.input = #fabric.input<"x">})
    -> (tensor<8x8xf32> {fabric.result = "y"}, tensor<8x8xf32> {fabric.result = "z"}) {
  %a = fabric.silu %x : tensor<8x8xf32>
  %b = fabric.neg %a : tensor<8x8xf32>
  %cb = dist.constraint %b sharding = <#mesh, [{}, {"tp"}]> : tensor<8x8xf32>
  %ca = dist.constraint %a sharding = <#mesh, [{}, {}]> : tensor<8x8xf32>
  return %ca, %cb : tensor<8x8xf32>, tensor<8x8xf32>
}
}

// -----

// No op runs whole in silence. Blocks of 4 x 6 over four ranks are no blocks of
// 6 x 4 ...
#mesh = #dist.mesh<["dp"=4, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @reshape_whole
// CHECK: %[[G:.*]] = dist.reshard %{{.*}} : tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<4x6xf32, #dist.sharding<#mesh, [{"dp":(1)2}, {}]>>
// CHECK-NEXT: fabric.reshape %[[G]] : {{.*}} -> tensor<6x4xf32, #dist.sharding<#mesh, [{"dp":(1)2}, {}]>>
func.func @reshape_whole(%x: tensor<4x6xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<6x4xf32> {fabric.result = "y"}) {
  // expected-remark@+1 {{'fabric.reshape' runs whole over axes {"dp":(2)2}: no block of its result corresponds to a block of dim 0 of operand 0, which is gathered}}
  %0 = fabric.reshape %x : tensor<4x6xf32> -> tensor<6x4xf32>
  return %0 : tensor<6x4xf32>
}

// ... and a minor part of a merged dim can be split only if the major part is
// split completely.
// CHECK-LABEL: func.func @minor_part
// CHECK: %[[G:.*]] = dist.reshard %{{.*}} : tensor<8x6xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>> -> tensor<8x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: fabric.reshape %[[G]] : {{.*}} -> tensor<48xf32, #dist.sharding<#mesh, [{"dp"}]>>
func.func @minor_part(%x: tensor<8x6xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<48xf32> {fabric.result = "y"}) {
  %c = dist.constraint %x sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<8x6xf32>
  %n = fabric.neg %c : tensor<8x6xf32>
  // expected-remark@+1 {{'fabric.reshape' runs whole over axes {"tp"}: no block of its result corresponds to a block of dim 1 of operand 0, which is gathered}}
  %0 = fabric.reshape %n : tensor<8x6xf32> -> tensor<48xf32>
  return %0 : tensor<48xf32>
}

// It can be here.
// CHECK-LABEL: func.func @major_part_is_used_up
// CHECK: fabric.reshape %{{.*}} -> tensor<24xf32, #dist.sharding<#mesh, [{"dp", "tp"}]>>
func.func @major_part_is_used_up(%x: tensor<4x6xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<24xf32> {fabric.result = "y"}) {
  %c = dist.constraint %x sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<4x6xf32>
  %n = fabric.neg %c : tensor<4x6xf32>
  %0 = fabric.reshape %n : tensor<4x6xf32> -> tensor<24xf32>
  return %0 : tensor<24xf32>
}
}
