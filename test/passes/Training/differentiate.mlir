// RUN: fabric-opt %s -split-input-file --fabric-differentiate | FileCheck %s
// RUN: fabric-opt %s -split-input-file --fabric-differentiate --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

// The backward pass follows the forward pass, in reverse order; the attribute
// says that the gradients are done.

// CHECK: module attributes {fabric.trained = #fabric.train<gradients>}
// CHECK-LABEL: func.func @linear
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32>
// CHECK-SAME: %[[W:[^:]*]]: tensor<2x8xf32>
// CHECK-SAME: -> (tensor<f32> {fabric.result = "loss"}, tensor<2x8xf32> {fabric.gradient_of = 1 : i64, fabric.result = "grad.w"})
// CHECK: fabric.linear
// CHECK: %[[LOSS:.*]] = fabric.sum
// CHECK: %[[ONE:.*]] = fabric.constant dense<1.000000e+00> : tensor<f32>
// CHECK: %[[DY:.*]] = fabric.broadcast %[[ONE]] dims = [] : tensor<f32> -> tensor<4x2xf32>
// No gradient of the input.
// CHECK-NEXT: %[[DW:.*]] = fabric.contract %[[DY]], %[[X]] batch = [] x [] contract = [0] x [0]
// CHECK-NEXT: return %[[LOSS]], %[[DW]]

// The derivative has the location of its op.
// LOC: fabric.linear {{.*}} loc([[LINEAR:#loc[0-9]*]])
// LOC: fabric.sum {{.*}} loc([[SUM:#loc[0-9]*]])
// LOC: fabric.broadcast {{.*}} loc([[SUM]])
// LOC: fabric.contract {{.*}} loc([[LINEAR]])
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @linear(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<2x8xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
  %1 = fabric.sum %0 dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
  return %1 : tensor<f32>
}
}

// -----

// The uses of a tied parameter add up, and one gradient is returned.

// CHECK-LABEL: func.func @tied
// CHECK-SAME: -> (tensor<f32> {fabric.result = "loss"}, tensor<4x4xf32> {fabric.gradient_of = 1 : i64, fabric.result = "grad.w"})
// CHECK: %[[FIRST:.*]] = fabric.contract %{{.*}} contract = [0] x [0]
// CHECK: %[[SECOND:.*]] = fabric.contract %{{.*}} contract = [0] x [0]
// CHECK: %[[SUM:.*]] = fabric.add %[[FIRST]], %[[SECOND]] : tensor<4x4xf32>
// CHECK: return %{{.*}}, %[[SUM]]
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @tied(%x: tensor<2x4xf32> {fabric.input = #fabric.input<"x">},
    %w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = fabric.linear %0, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %2 = fabric.sum %1 dims = [0, 1] : tensor<2x4xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
}

// -----

// A frozen parameter has no gradient, and none is computed on the way to it; one
// that the loss does not depend on has a zero. With AdamW the attribute stays.

// CHECK: module attributes {fabric.train = #fabric.train<adamw
// CHECK-LABEL: func.func @frozen
// CHECK-SAME: -> (tensor<4xf32> {fabric.result = "y"}, tensor<f32> {fabric.result = "loss"}, tensor<4xf32> {fabric.gradient_of = 1 : i64, fabric.result = "grad.b"}, tensor<3xf32> {fabric.gradient_of = 2 : i64, fabric.result = "grad.unused"})
// CHECK-NOT: fabric.neg
// CHECK: %[[ZERO:.*]] = fabric.constant dense<0.000000e+00> : tensor<3xf32>
// CHECK: return %{{.*}}, %{{.*}}, %{{.*}}, %[[ZERO]]
module attributes {fabric.train = #fabric.train<adamw>} {
func.func @frozen(%a: tensor<4xf32> {fabric.param = #fabric.param<"a", frozen>},
    %b: tensor<4xf32> {fabric.param = #fabric.param<"b">},
    %unused: tensor<3xf32> {fabric.param = #fabric.param<"unused">})
    -> (tensor<4xf32> {fabric.result = "y"}, tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.sub %b, %a : tensor<4xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<4xf32> -> tensor<f32>
  return %0, %1 : tensor<4xf32>, tensor<f32>
}
}

// -----

// What is asked of a value is asked of its gradient.

// CHECK-LABEL: func.func @constraint
// CHECK: dist.constraint
// CHECK: %[[DY:.*]] = fabric.broadcast
// CHECK: dist.constraint %[[DY]] sharding = <#mesh, [{"tp"}]> : tensor<4xf32>
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, fabric.train = #fabric.train<gradients>} {
func.func @constraint(%a: tensor<4xf32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = dist.constraint %a sharding = <#mesh, [{"tp"}]> : tensor<4xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<4xf32> -> tensor<f32>
  return %1 : tensor<f32>
}
}

// -----

// Without fabric.train a model is left alone.

// CHECK-LABEL: func.func @inference
// CHECK-SAME: -> (tensor<f32> {fabric.result = "loss"}) {
func.func @inference(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
