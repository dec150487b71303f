// RUN: fabric-opt %s -split-input-file -verify-diagnostics

// add C1 (as for sub, mul, neg, sigmoid, silu)
func.func @f(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type, found 'tensor<5xf32>' and 'tensor<4xf32>'}}
  %0 = fabric.add %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// sub C1
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.sub %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}

// -----

// mul C1
func.func @f(%a: tensor<4xf32>, %b: tensor<4x1xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.mul %a, %b : (tensor<4xf32>, tensor<4x1xf32>) -> tensor<4xf32>
  return
}

// -----

// neg C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.neg %a : tensor<4xf32> -> tensor<4xbf16>
  return
}

// -----

// sigmoid C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.sigmoid %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// silu C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.silu %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// Only floats are added.
func.func @f(%a: tensor<4xi32>) {
  // expected-error @+1 {{must be statically shaped tensor}}
  %0 = fabric.add %a, %a : tensor<4xi32>
  return
}

// -----

// Shapes are static.
func.func @f(%a: tensor<?xf32>) {
  // expected-error @+1 {{must be statically shaped tensor}}
  %0 = fabric.neg %a : tensor<?xf32>
  return
}

// -----

// cast C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operand and result of one shape}}
  %0 = fabric.cast %a : tensor<4xf32> -> tensor<2xbf16>
  return
}

// -----

// cast C2
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{cannot cast a float to an integer}}
  %0 = fabric.cast %a : tensor<4xf32> -> tensor<4xi32>
  return
}

// -----

// linear C1
func.func @f(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{expects an input of rank 1 or more and a weight of rank 2}}
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4xf32>
  return
}

// -----

// linear C1: element types
func.func @f(%x: tensor<4x8xf32>, %w: tensor<6x8xbf16>) {
  // expected-error @+1 {{expects operands of one element type, found 'tensor<4x8xf32>' and 'tensor<6x8xbf16>'}}
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<6x8xbf16>) -> tensor<4x6xf32>
  return
}

// -----

// linear C1: what is accumulated in, and nothing else
func.func @f(%x: tensor<4x8xbf16>, %w: tensor<6x8xbf16>) {
  %0 = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<6x8xbf16>) -> tensor<4x6xf32>
  // expected-error @+1 {{expects a result of 'bf16' or 'f32', found 'tensor<4x6xf64>'}}
  %1 = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<6x8xbf16>) -> tensor<4x6xf64>
  return
}

// -----

// linear C2
func.func @f(%x: tensor<4x8xf32>, %w: tensor<6x7xf32>) {
  // expected-error @+1 {{expects the input's last dim to be the weight's dim 1, found 8 and 7}}
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<6x7xf32>) -> tensor<4x6xf32>
  return
}

// -----

// linear C3
func.func @f(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4x6xf32>', found 'tensor<6x4xf32>'}}
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<6x4xf32>
  return
}

// -----

// contract C1: lengths
func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @+1 {{expects paired lists of dims of one length}}
  %0 = fabric.contract %a, %b batch = [] x [] contract = [1] x [] : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

// contract C1: dims exist
func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @+1 {{the first operand names dim 2 of a tensor of rank 2}}
  %0 = fabric.contract %a, %b batch = [] x [] contract = [2] x [0] : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

// contract C1: named once
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) {
  // expected-error @+1 {{the second operand names dim 0 twice}}
  %0 = fabric.contract %a, %b batch = [0] x [0] contract = [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// contract C2
func.func @f(%a: tensor<4x8xf32>, %b: tensor<7x3xf32>) {
  // expected-error @+1 {{pairs dim 1 of size 8 with dim 0 of size 7}}
  %0 = fabric.contract %a, %b batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<7x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

// contract C3
func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4x3xf32>', found 'tensor<3x4xf32>'}}
  %0 = fabric.contract %a, %b batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<3x4xf32>
  return
}

// -----

// sum C1
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{the sum names dim 2 of a tensor of rank 2}}
  %0 = fabric.sum %a dims = [2] : tensor<4x8xf32> -> tensor<4xf32>
  return
}

// -----

// sum C1: ascending
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.sum %a dims = [1, 0] : tensor<4x8xf32> -> tensor<f32>
  return
}

// -----

// sum C2
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4xf32>', found 'tensor<8xf32>'}}
  %0 = fabric.sum %a dims = [1] : tensor<4x8xf32> -> tensor<8xf32>
  return
}

// -----

// broadcast C1
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+1 {{expects a result dim for each of the operand's 1 dims, found 2}}
  %0 = fabric.broadcast %a dims = [0, 1] : tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// broadcast C1: exists
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+1 {{the broadcast names dim 2 of a tensor of rank 2}}
  %0 = fabric.broadcast %a dims = [2] : tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// broadcast C1: ascending
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.broadcast %a dims = [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  return
}

// -----

// broadcast C2
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+1 {{expects operand dim 0 of size 8 to be result dim 0 of size 4}}
  %0 = fabric.broadcast %a dims = [0] : tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// broadcast C2: element types
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+1 {{expects one element type}}
  %0 = fabric.broadcast %a dims = [1] : tensor<8xf32> -> tensor<4x8xf64>
  return
}

// -----

// transpose C1
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{the permutation names dim 0 twice}}
  %0 = fabric.transpose %a permutation = [0, 0] : tensor<4x8xf32> -> tensor<4x4xf32>
  return
}

// -----

// transpose C1: complete
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a permutation of 2 dims, found 1}}
  %0 = fabric.transpose %a permutation = [0] : tensor<4x8xf32> -> tensor<4xf32>
  return
}

// -----

// transpose C2
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<8x4xf32>', found 'tensor<4x8xf32>'}}
  %0 = fabric.transpose %a permutation = [1, 0] : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

// reshape C1
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{expects as many elements of one type}}
  %0 = fabric.reshape %a : tensor<4x8xf32> -> tensor<31xf32>
  return
}

// -----

// constant C1
func.func @f() {
  // expected-error @+1 {{expects a value of the result's shape and element type}}
  %0 = fabric.constant dense<1.0> : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// adamw C1
func.func @f(%p: tensor<4xf32>, %g: tensor<5xf32>, %s: tensor<f64>) {
  // expected-error @+1 {{expects parameter, gradient, moments and results of one shape and element type}}
  %0:3 = fabric.adamw %p, %g, %p, %p, lr = %s, step = %s {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4xf32>, tensor<5xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// adamw C2
func.func @f(%p: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{expects lr and step to be f64 tensors of rank 0, found 'tensor<f32>'}}
  %0:3 = fabric.adamw %p, %p, %p, %p, lr = %s, step = %s {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// Attributes of arguments and results.
// expected-error @+1 {{input "x" has batch dim 2, but is of rank 2}}
func.func private @f(tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 2>})

// -----

// expected-error @+1 {{parameter "w" must be of a float type}}
func.func private @f(tensor<4x8xi32> {fabric.param = #fabric.param<"w">})

// -----

// expected-error @+1 {{argument 0 has an unknown attribute "fabric.parm"}}
func.func private @f(tensor<4x8xf32> {fabric.parm = #fabric.param<"w">})

// -----

// expected-error @+1 {{argument 0 with attribute "fabric.input" must be a tensor of static shape, sizes of at least 1, in at most 16 dims and 2^43 bytes, found 'tensor<?x8xf32>'}}
func.func private @f(tensor<?x8xf32> {fabric.input = #fabric.input<"x">})

// -----

// expected-error @+1 {{attribute "fabric.update_of" names argument 3 : i64 of 1}}
func.func private @f(tensor<4xf32>) -> (tensor<4xf32> {fabric.update_of = 3 : i64})

// -----

// expected-error @+1 {{a result has an unknown attribute "fabric.result" = 3 : i64}}
func.func private @f() -> (tensor<4xf32> {fabric.result = 3 : i64})

// -----

// expected-error @+1 {{expected uniform, normal or constant, found gauss}}
func.func private @f(tensor<4xf32> {fabric.param = #fabric.param<"w", init = gauss(0, 1)>})

// -----

// expected-error @+1 {{expected a name that is not empty}}
func.func private @f(tensor<4xf32> {fabric.param = #fabric.param<"">})

// -----

// expected-error @+1 {{expected adamw or gradients, found sgd}}
module attributes {fabric.train = #fabric.train<sgd>} {}

// -----

// expected-error @+1 {{expected lr, weight_decay, beta1, beta2 or eps, found momentum}}
module attributes {fabric.train = #fabric.train<adamw, momentum = 0.9>} {}

// -----

// expected-error @+1 {{attribute "fabric.train" is a #fabric.train of a module}}
func.func private @f() attributes {fabric.train = #fabric.train<adamw>}

// -----

// expected-error @+1 {{argument 0 with attribute "fabric.input" must be a tensor of static shape, sizes of at least 1, in at most 16 dims and 2^43 bytes, found 'tensor<2500000000000xf32>'}}
func.func @f(%x: tensor<2500000000000xf32> {fabric.input = #fabric.input<"x">}) {
  return
}

// -----

// Products of sizes that wrap in 64 bits.
func.func @f(%a: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{must be statically shaped tensor}}
  %0 = fabric.neg %a : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @f(%a: tensor<0x8xf32>) {
  // expected-error @+1 {{sizes of at least 1}}
  %0 = fabric.neg %a : tensor<0x8xf32>
  return
}

// -----

// expected-error @+1 {{result 0 is named "../x", which cannot be the name of a file}}
func.func @f(%a: tensor<4xf32>) -> (tensor<4xf32> {fabric.result = "../x"}) {
  return %a : tensor<4xf32>
}

// -----

// mask C1
func.func @f(%a: tensor<4x8xf32>, %valid: tensor<8xf32>) {
  // expected-error @+1 {{expects a dim of the operand, found 2}}
  %0 = fabric.mask %a, %valid dim = 2 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// mask C2
func.func @f(%a: tensor<4x8xf32>, %valid: tensor<8xf32>) {
  // expected-error @+1 {{expects a vector of size 4 that says what is valid, found 'tensor<8xf32>'}}
  %0 = fabric.mask %a, %valid dim = 0 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// mask C3
func.func @f(%a: tensor<4x8xf32>, %valid: tensor<8xf64>) {
  // expected-error @+1 {{expects one element type, and one shape for operand and result}}
  %0 = fabric.mask %a, %valid dim = 1 : tensor<4x8xf32>, tensor<8xf64> -> tensor<4x8xf32>
  return
}
