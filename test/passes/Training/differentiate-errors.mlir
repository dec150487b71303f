// RUN: fabric-opt %s -split-input-file -verify-diagnostics --fabric-differentiate

// No result is a float of rank 0.
module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op has no loss to train: expected a result that is named with fabric.result and is a float of rank 0, found "y" of type 'tensor<2xf32>', "count" of type 'tensor<i64>'}}
func.func @f(%a: tensor<2xf32> {fabric.param = #fabric.param<"a">}, %n: tensor<i64> {fabric.input = #fabric.input<"n">})
    -> (tensor<2xf32> {fabric.result = "y"}, tensor<i64> {fabric.result = "count"}) {
  return %a, %n : tensor<2xf32>, tensor<i64>
}
}

// -----

// A scalar without a name is not a loss.
module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op has no loss to train}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> tensor<f32> {
  return %a : tensor<f32>
}
}

// -----

module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op has no parameter to train: every argument is an input or frozen}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a", frozen>}, %x: tensor<f32> {fabric.input = #fabric.input<"x">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.add %a, %x : tensor<f32>
  return %0 : tensor<f32>
}
}

// -----

// expected-error@+1 {{'builtin.module' op is trained already: it carries fabric.trained}}
module attributes {fabric.train = #fabric.train<adamw>, fabric.trained = #fabric.train<adamw>} {
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

module attributes {fabric.train = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op is trained already: result 1 is the gradient or the update of an argument}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">})
    -> (tensor<f32> {fabric.result = "loss"}, tensor<f32> {fabric.update_of = 0 : i64}) {
  return %a, %a : tensor<f32>, tensor<f32>
}
}

// -----

// expected-error@+1 {{'builtin.module' op is partitioned already: training works on global tensors}}
module attributes {fabric.train = #fabric.train<adamw>, dist.partitioned, dist.mesh = #dist.mesh<["tp"=2]>} {
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

// An op without the interface, between a parameter and the loss.
module attributes {fabric.train = #fabric.train<adamw>} {
func.func private @g(tensor<f32>) -> tensor<f32>
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  // expected-error@+1 {{'func.call' op is between a trainable parameter and the loss, but has no derivative}}
  %0 = func.call @g(%a) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
}

// -----

// An op that says that it has no derivative.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @f(%a: tensor<f64> {fabric.param = #fabric.param<"a">}) -> (tensor<f64> {fabric.result = "loss"}) {
  // expected-error@+1 {{'fabric.adamw' op has no derivative}}
  %0:3 = fabric.adamw %a, %a, %a, %a, lr = %a, step = %a {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>) -> (tensor<f64>, tensor<f64>, tensor<f64>)
  return %0#0 : tensor<f64>
}
}

// -----

// An op without a derivative elsewhere does not matter: it reads no parameter.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func private @g(tensor<f32>) -> tensor<f32>
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}, %x: tensor<f32> {fabric.input = #fabric.input<"x">})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = func.call @g(%x) : (tensor<f32>) -> tensor<f32>
  %1 = fabric.mul %0, %a : tensor<f32>
  return %1 : tensor<f32>
}
}

// -----

module attributes {fabric.train = #fabric.train<gradients>} {
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
// expected-error@+1 {{'func.func' op is a second public function besides @f; one is the model, make the others private}}
func.func @g(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

// expected-error@+1 {{'builtin.module' op has no public function}}
module attributes {fabric.train = #fabric.train<gradients>} {
}
