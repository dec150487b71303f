// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-instructions))' | FileCheck %s

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh, dist.partitioned} {

// Every collective says what a rank sends: (n-1)/n of the full tensor, twice that
// for an all-reduce, nothing for a slice.
// CHECK-LABEL: @kinds
func.func @kinds(%x: tensor<4x4xf32>) -> (tensor<8x4xf32>, tensor<4x1xf32>, tensor<4x4xf32>, tensor<8x2xf32>, tensor<2x4xf32>) {
  // CHECK: exec.collective all_gather %arg0 axes = <{"dp"}> concat_dim = 0 bytes_sent = 64 why = "gather an activation"
  %0 = dist.all_gather %x dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  // CHECK: exec.collective reduce_scatter %arg0 by sum axes = <{"tp"}> split_dim = 1 bytes_sent = 48 why = "reduce an activation"
  %1 = dist.reduce_scatter sum %x dim = 1 axes = {"tp"} : tensor<4x4xf32> -> tensor<4x1xf32>
  // CHECK: exec.collective all_reduce %arg0 by max axes = <{"tp"}> bytes_sent = 96 why = "reduce an activation"
  %2 = dist.all_reduce max %x axes = {"tp"} : tensor<4x4xf32>
  // CHECK: exec.collective all_to_all %arg0 axes = <{"dp"}> concat_dim = 0 split_dim = 1 bytes_sent = 32 why = "exchange an activation"
  %3 = dist.all_to_all %x split_dim = 1 concat_dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x2xf32>
  // CHECK: exec.collective all_slice %arg0 axes = <{"tp":(1)2}> split_dim = 0 bytes_sent = 0 why = "slice an activation"
  %4 = dist.all_slice %x dim = 0 axes = {"tp":(1)2} : tensor<4x4xf32> -> tensor<2x4xf32>
  return %0, %1, %2, %3, %4 : tensor<8x4xf32>, tensor<4x1xf32>, tensor<4x4xf32>, tensor<8x2xf32>, tensor<2x4xf32>
}

// Reasons: the parameter that is gathered, the one whose gradient is reduced,
// the result that is.
// CHECK-LABEL: @reasons
func.func @reasons(%w: tensor<4x4xf32> {fabric.param = #fabric.param<"layer.weight">},
    %m: tensor<4x4xf32> {fabric.state = #fabric.state<"layer.weight", "exp_avg">},
    %v: tensor<4x4xf32> {fabric.state = #fabric.state<"layer.weight", "exp_avg_sq">},
    %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<f32> {fabric.result = "loss"}, tensor<4x4xf32> {fabric.update_of = 0 : i64}) {
  // CHECK: why = "gather layer.weight for use"
  %0 = fabric.reshape %w : tensor<4x4xf32> -> tensor<2x8xf32>
  %1 = dist.all_gather %0 dim = 0 axes = {"dp"} : tensor<2x8xf32> -> tensor<4x8xf32>
  %2 = fabric.sum %1 dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
  // CHECK: why = "reduce loss"
  %3 = dist.all_reduce sum %2 axes = {"dp"} : tensor<f32>
  %4 = fabric.reshape %1 : tensor<4x8xf32> -> tensor<8x4xf32>
  // CHECK: why = "reduce the gradient of layer.weight"
  %5 = dist.reduce_scatter sum %4 dim = 0 axes = {"dp"} : tensor<8x4xf32> -> tensor<4x4xf32>
  %p, %m2, %v2 = fabric.adamw %w, %5, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
  return %3, %p : tensor<f32>, tensor<4x4xf32>
}

// A reshape is a view; a constant is bytes unless it is a splat.
// CHECK-LABEL: @views_and_constants
func.func @views_and_constants(%x: tensor<4x4xf32>) -> (tensor<16xf32>, tensor<2xf32>, tensor<2xf32>) {
  // CHECK: exec.view %arg0 : tensor<4x4xf32> -> tensor<16xf32>
  %0 = fabric.reshape %x : tensor<4x4xf32> -> tensor<16xf32>
  // CHECK: exec.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  %1 = fabric.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK: fabric.constant dense<1.000000e+00> : tensor<2xf32>
  %2 = fabric.constant dense<1.0> : tensor<2xf32>
  return %0, %1, %2 : tensor<16xf32>, tensor<2xf32>, tensor<2xf32>
}
}
