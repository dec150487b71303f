// RUN: fabric-opt %s -split-input-file -verify-diagnostics --fabric-verify-trained

// T1
// expected-error@+1 {{'builtin.module' op still carries fabric.train}}
module attributes {fabric.train = #fabric.train<adamw>} {
}

// -----

// T2
// expected-error@+1 {{'func.func' op has two results named "y"}}
func.func @f(%a: tensor<f32>) -> (tensor<f32> {fabric.result = "y"}, tensor<f32> {fabric.result = "y"}) {
  return %a, %a : tensor<f32>, tensor<f32>
}

// -----

// T3: a parameter without an update
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op argument 0 has no update}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

// T3: an update of another type
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op result 0 is the update of argument 0 of type 'tensor<f32>', found 'tensor<f64>'}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}, %b: tensor<f64>) -> (tensor<f64> {fabric.update_of = 0 : i64}) {
  return %b : tensor<f64>
}
}

// -----

// T3: two updates
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op result 1 is a second update of argument 0, or one of an argument that has none}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.update_of = 0 : i64}, tensor<f32> {fabric.update_of = 0 : i64}) {
  return %a, %a : tensor<f32>, tensor<f32>
}
}

// -----

// T3: a state without an update
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op argument 1 has no update}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}, %m: tensor<f32> {fabric.state = #fabric.state<"a", "exp_avg">})
    -> (tensor<f32> {fabric.update_of = 0 : i64}) {
  return %a : tensor<f32>
}
}

// -----

// T3: scalars
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op lacks a scalar lr or step}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}, %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0>})
    -> (tensor<f32> {fabric.update_of = 0 : i64}) {
  return %a : tensor<f32>
}
}

// -----

// T3: a gradient is left
module attributes {fabric.trained = #fabric.train<adamw>} {
// expected-error@+1 {{'func.func' op result 1 is a second gradient of argument 0, or one of an argument that has none}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.update_of = 0 : i64}, tensor<f32> {fabric.gradient_of = 0 : i64}) {
  return %a, %a : tensor<f32>, tensor<f32>
}
}

// -----

// T4: a parameter without a gradient
module attributes {fabric.trained = #fabric.train<gradients>} {
// expected-error@+1 {{'func.func' op argument 0 has no gradient}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  return %a : tensor<f32>
}
}

// -----

// T4: an update
module attributes {fabric.trained = #fabric.train<gradients>} {
// expected-error@+1 {{'func.func' op result 1 is a second update of argument 0, or one of an argument that has none}}
func.func @f(%a: tensor<f32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.gradient_of = 0 : i64}, tensor<f32> {fabric.update_of = 0 : i64}) {
  return %a, %a : tensor<f32>, tensor<f32>
}
}
