// RUN: fabric-opt %s -split-input-file -dist-choose-tp -verify-diagnostics

// expected-error @below {{the module has no mesh; run dist-set-mesh}}
module {
func.func @no_mesh(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">}) {
  return
}
}

// -----

// What is updated in place stays where it is, and the model says that it is in
// two places.
module attributes {dist.mesh = #dist.mesh<["tp"=2]>} {
func.func @two_places(%w: tensor<4x8xf32> {fabric.param = #fabric.param<"w">},
    %g: tensor<4x8xf32> {fabric.input = #fabric.input<"g">},
    // expected-note @below {{left here}}
    %m: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg">, dist.tp = #dist.tp<rowwise>},
    %v: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">, dist.tp = #dist.tp<colwise>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<4x8xf32> {fabric.update_of = 0}, tensor<4x8xf32> {fabric.update_of = 2}, tensor<4x8xf32> {fabric.update_of = 3}) {
  // expected-error @below {{no layout over axis "tp" serves all ops of function @two_places: operand 2 is needed split on dim 0 and can only be left split on dim 1}}
  %0:3 = fabric.adamw %w, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
}
