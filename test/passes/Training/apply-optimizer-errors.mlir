// RUN: fabric-opt %s -split-input-file -verify-diagnostics --fabric-apply-optimizer

module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op has no gradients to apply: fabric-differentiate comes first}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op has a scalar "step" already, which the optimizer would add}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}, %s: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<f32> {fabric.result = "grad.a", fabric.gradient_of = 0 : i64}) {
  return %a : tensor<f32>
}
}
