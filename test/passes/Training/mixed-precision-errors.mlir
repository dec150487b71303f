// RUN: fabric-opt %s -split-input-file -verify-diagnostics --fabric-mixed-precision="param-dtype=bf16"
// RUN: not fabric-opt %models/feedforward.mlir --fabric-mixed-precision="param-dtype=f16" 2>&1 | FileCheck %s --check-prefix=F16
// RUN: not fabric-opt %models/feedforward.mlir --fabric-mixed-precision="param-dtype=f32" 2>&1 | FileCheck %s --check-prefix=F32
// RUN: not fabric-opt %models/feedforward.mlir --fabric-mixed-precision="param-dtype=bf16 reduce-dtype=f64" 2>&1 | FileCheck %s --check-prefix=REDUCE
// RUN: not fabric-opt %models/feedforward.mlir --train="reduce-dtype=f32" 2>&1 | FileCheck %s --check-prefix=ALONE

// F16: error: {{.*}}param-dtype must be bf16, found f16: its gradients would need loss scaling, which there is not
// F32: error: {{.*}}param-dtype must be bf16, found f32
// REDUCE: error: {{.*}}reduce-dtype must be f32 or bf16, found f64
// ALONE: error: {{.*}}reduce-dtype=f32 needs param-dtype: without it everything is reduced in the type that it is computed in

// Parameters are stored in f32.
func.func @f64(%x: tensor<4x8xf64> {fabric.input = #fabric.input<"x">},
    // expected-error@+1 {{param-dtype=bf16 keeps parameters in f32, but parameter "w" is of type 'tensor<2x8xf64>'}}
    %w: tensor<2x8xf64> {fabric.param = #fabric.param<"w">}) -> (tensor<4x2xf64> {fabric.result = "y"}) {
  %y = fabric.linear %x, %w : (tensor<4x8xf64>, tensor<2x8xf64>) -> tensor<4x2xf64>
  return %y : tensor<4x2xf64>
}

// -----

// Nor may they be in bf16 already: there would be no master.
func.func @bf16(%x: tensor<4x8xbf16> {fabric.input = #fabric.input<"x">},
    // expected-error@+1 {{parameter "w" is of type 'tensor<2x8xbf16>'}}
    %w: tensor<2x8xbf16> {fabric.param = #fabric.param<"w">}) -> (tensor<4x2xbf16> {fabric.result = "y"}) {
  %y = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
  return %y : tensor<4x2xbf16>
}

// -----

// A flag that would do nothing.
// expected-error@+1 {{'func.func' op has nothing to compute in bf16: no parameter meets data, and no result of rank 1 or more depends on one}}
func.func @nothing(%w: tensor<2xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.sum %w dims = [0] : tensor<2xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// expected-error@+1 {{param-dtype=bf16 is for a model that is neither trained nor partitioned yet}}
module attributes {fabric.trained = #fabric.train<adamw>} {
func.func @trained(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}
