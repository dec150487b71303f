// RUN: fabric-opt %s --train --mlir-print-debuginfo | FileCheck %s

// Everything leads back to a line of the model, also what derivatives share: both
// need a tensor of ones.

// CHECK-NOT: loc(unknown)
// CHECK: fabric.constant dense<1.000000e+00> : tensor<2xf32>
// CHECK-NOT: fabric.constant dense<1.000000e+00> : tensor<2xf32>
// CHECK: fabric.adamw
// CHECK-NOT: loc(unknown)
module attributes {fabric.train = #fabric.train<adamw>} {
func.func @f(%a: tensor<2xf32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.silu %a : tensor<2xf32>
  %1 = fabric.silu %0 : tensor<2xf32>
  %2 = fabric.sum %1 dims = [0] : tensor<2xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
}
