// RUN: fabric-opt %s -split-input-file -verify-diagnostics

// exp C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.exp %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// log C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.log %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// sqrt C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.sqrt %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// rsqrt C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.rsqrt %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// abs C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.abs %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// erf C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.erf %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// tanh C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.tanh %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// relu C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.relu %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// gelu C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.gelu %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// gelu tanh C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.gelu tanh %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// stop_gradient C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.stop_gradient %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// pow C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.pow %a {exponent = 2.0} : tensor<4xf32> -> tensor<4xf64>
  return
}

// -----

// div C1
func.func @f(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.div %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// maximum C1
func.func @f(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.maximum %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// minimum C1
func.func @f(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.minimum %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// compare C1
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{expects operands of one shape and element type, found 'tensor<4xf32>' and 'tensor<4xf64>'}}
  %0 = fabric.compare lt %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xi1>
  return
}

// -----

// compare C2
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4xi1>', found 'tensor<4xf32>'}}
  %0 = fabric.compare lt %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// select C1
func.func @f(%c: tensor<5xi1>, %a: tensor<4xf32>) {
  // expected-error @+1 {{expects a condition of i1 and of the result's shape, found 'tensor<5xi1>' for 'tensor<4xf32>'}}
  %0 = fabric.select %c, %a, %a : (tensor<5xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// select C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects a condition of i1}}
  %0 = fabric.select %a, %a, %a : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// select C2
func.func @f(%c: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{expects values of the result's shape and element type, found 'tensor<4xf64>' and 'tensor<4xf32>'}}
  %0 = fabric.select %c, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}
