// RUN: fabric-opt %s -split-input-file --fabric-apply-optimizer | FileCheck %s

// States of every parameter, then lr and step, become arguments; updates replace
// gradients; a result without a name is dropped; a frozen parameter has neither
// state nor update.

// CHECK: module attributes {fabric.trained = #fabric.train<adamw, lr = 0.003, weight_decay = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 1.0e-06>}
// CHECK-LABEL: func.func @f
// CHECK-SAME: %[[A:arg0]]: tensor<2xf32> {fabric.param = #fabric.param<"a">}
// CHECK-SAME: %arg1: tensor<3xf32> {fabric.param = #fabric.param<"frozen", frozen>}
// CHECK-SAME: %[[B:arg2]]: tensor<f64> {fabric.param = #fabric.param<"b">}
// CHECK-SAME: %[[MA:arg3]]: tensor<2xf32> {fabric.state = #fabric.state<"a", "exp_avg">}
// CHECK-SAME: %[[VA:arg4]]: tensor<2xf32> {fabric.state = #fabric.state<"a", "exp_avg_sq">}
// CHECK-SAME: %[[MB:arg5]]: tensor<f64> {fabric.state = #fabric.state<"b", "exp_avg">}
// CHECK-SAME: %[[VB:arg6]]: tensor<f64> {fabric.state = #fabric.state<"b", "exp_avg_sq">}
// CHECK-SAME: %[[LR:arg7]]: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 0.003>}
// CHECK-SAME: %[[STEP:arg8]]: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>}
// CHECK-SAME: -> (tensor<f64> {fabric.result = "loss"},
// CHECK-SAME: tensor<2xf32> {fabric.update_of = 0 : i64}, tensor<2xf32> {fabric.update_of = 3 : i64}, tensor<2xf32> {fabric.update_of = 4 : i64},
// CHECK-SAME: tensor<f64> {fabric.update_of = 2 : i64}, tensor<f64> {fabric.update_of = 5 : i64}, tensor<f64> {fabric.update_of = 6 : i64})
// CHECK: %[[DA:.*]] = fabric.neg %[[A]]
// CHECK: %[[PA:.*]], %[[NMA:.*]], %[[NVA:.*]] = fabric.adamw %[[A]], %[[DA]], %[[MA]], %[[VA]], lr = %[[LR]], step = %[[STEP]] {beta1 = 8.000000e-01 : f64, beta2 = {{0.94999.*|9.500000e-01}} : f64, eps = {{.*}} : f64, weight_decay = 1.000000e-01 : f64}
// CHECK: %[[PB:.*]], %[[NMB:.*]], %[[NVB:.*]] = fabric.adamw %[[B]], %{{.*}}, %[[MB]], %[[VB]], lr = %[[LR]], step = %[[STEP]]
// CHECK: return %[[B]], %[[PA]], %[[NMA]], %[[NVA]], %[[PB]], %[[NMB]], %[[NVB]]
module attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 1.0e-6>} {
func.func @f(%a: tensor<2xf32> {fabric.param = #fabric.param<"a">}, %c: tensor<3xf32> {fabric.param = #fabric.param<"frozen", frozen>},
    %b: tensor<f64> {fabric.param = #fabric.param<"b">})
    -> (tensor<f64> {fabric.result = "loss"}, tensor<3xf32>, tensor<2xf32> {fabric.result = "grad.a", fabric.gradient_of = 0 : i64},
        tensor<f64> {fabric.result = "grad.b", fabric.gradient_of = 2 : i64}) {
  %0 = fabric.neg %a : tensor<2xf32>
  return %b, %c, %0, %b : tensor<f64>, tensor<3xf32>, tensor<2xf32>, tensor<f64>
}
}

// -----

// Without fabric.train nothing happens.

// CHECK-LABEL: func.func @inference
// CHECK-SAME: -> (tensor<f32> {fabric.result = "loss"}, tensor<f32>) {
func.func @inference(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}, tensor<f32>) {
  return %a, %a : tensor<f32>, tensor<f32>
}
