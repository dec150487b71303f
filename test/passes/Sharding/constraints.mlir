// RUN: fabric-opt %s -split-input-file --shard-2d="dp=2 tp=2" | FileCheck %s

// What the user asks for is what one rank's program has: shapes are local, so
// they show it.

// An input is stored as asked, not by its batch; a result is brought there.
// CHECK-LABEL: func.func @interface
// CHECK-SAME: tensor<16x4xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {"tp"}]>
// CHECK-SAME: -> (tensor<4x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp", "dp"}, {}]>, fabric.result = "y"})
// CHECK: %[[BLOCK:.*]] = dist.all_to_all %{{.*}} split_dim = 0 concat_dim = 1 axes = {"tp", "dp"} : tensor<16x2xf32> -> tensor<4x8xf32>
// CHECK-NEXT: %[[Y:.*]] = fabric.silu %[[BLOCK]] : tensor<4x8xf32>
// CHECK-NEXT: return %[[Y]]
func.func @interface(
    %x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>, dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{}, {"tp"}]>})
    -> (tensor<16x8xf32> {fabric.result = "y", dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"tp", "dp"}, {}]>}) {
  %0 = fabric.silu %x : tensor<16x8xf32>
  return %0 : tensor<16x8xf32>
}

// -----

// A parameter is stored as asked and computed with without "dp": here on dims
// that the compiler would not have chosen, gathered for use all the same.
// CHECK-LABEL: func.func @parameter
// CHECK-SAME: %[[W:[^:]*]]: tensor<4x4xf32> {dist.fsdp = #dist.fsdp<gather>, dist.sharding = #dist.sharding<#mesh, [{"tp"}, {"dp"}]>, dist.tp = #dist.tp<colwise>
// CHECK-NEXT: %[[FULL:.*]] = dist.all_gather %[[W]] dim = 1 axes = {"dp"} : tensor<4x4xf32> -> tensor<4x8xf32>
// CHECK-NEXT: fabric.linear %{{.*}}, %[[FULL]]
func.func @parameter(
    %x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"tp"}, {"dp"}]>})
    -> (tensor<16x8xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<16x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  return %0 : tensor<16x8xf32>
}

// -----

// A value that is constrained whole is gathered, though both its neighbours are
// split, and so is its gradient.
// CHECK-LABEL: func.func @value
// CHECK: %[[H:.*]] = fabric.linear {{.*}} -> tensor<8x4xf32>
// CHECK-NEXT: %[[FULL:.*]] = dist.all_gather %[[H]] dim = 1 axes = {"tp"} : tensor<8x4xf32> -> tensor<8x8xf32>
// CHECK: dist.all_reduce sum %{{.*}} axes = {"tp"} : tensor<8x8xf32>
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @value(
    %x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<8x8xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<8x8xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<colwise>})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w1 : (tensor<16x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  %1 = dist.constraint %0 sharding = <#dist.mesh<["dp", "tp"]>, [{"dp"}, {}]> : tensor<16x8xf32>
  %2 = fabric.linear %1, %w2 : (tensor<16x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  %3 = fabric.mul %2, %2 : tensor<16x8xf32>
  %4 = fabric.sum %3 dims = [0, 1] : tensor<16x8xf32> -> tensor<f32>
  return %4 : tensor<f32>
}
}

// -----

// What does not divide is padded, as where a style asks.
// CHECK-LABEL: func.func @uneven
// CHECK-SAME: tensor<3x4xf32> {dist.logical_shape = array<i64: 5, 7>, dist.sharding = #dist.sharding<#mesh, [{"tp"}, {"dp"}]>
// CHECK-SAME: -> (tensor<2xf32> {dist.logical_shape = array<i64: 7>, dist.sharding = #dist.sharding<#mesh, [{"dp", "tp"}]>
func.func @uneven(
    %x: tensor<5x7xf32> {fabric.input = #fabric.input<"x">, dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"tp"}, {"dp"}]>})
    -> (tensor<7xf32> {fabric.result = "y", dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"dp", "tp"}]>}) {
  %0 = fabric.sum %x dims = [0] : tensor<5x7xf32> -> tensor<7xf32>
  return %0 : tensor<7xf32>
}
