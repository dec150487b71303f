// RUN: fabric-opt %s -split-input-file -verify-diagnostics

// max C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{the maximum names dim 2 of a tensor of rank 2}}
  %0 = fabric.max %a dims = [2] : tensor<4x6xf32> -> tensor<4xf32>
  return
}

// -----

// max C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.max %a dims = [1, 0] : tensor<4x6xf32> -> tensor<f32>
  return
}

// -----

// max C2
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4xf32>', found 'tensor<6xf32>'}}
  %0 = fabric.max %a dims = [1] : tensor<4x6xf32> -> tensor<6xf32>
  return
}

// -----

// min C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{the minimum names dim 2 of a tensor of rank 2}}
  %0 = fabric.min %a dims = [2] : tensor<4x6xf32> -> tensor<4xf32>
  return
}

// -----

// min C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.min %a dims = [1, 0] : tensor<4x6xf32> -> tensor<f32>
  return
}

// -----

// min C2
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4xf32>', found 'tensor<6xf32>'}}
  %0 = fabric.min %a dims = [1] : tensor<4x6xf32> -> tensor<6xf32>
  return
}

// -----

// softmax C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.softmax %a dim = 0 : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// softmax C2
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{the softmax names dim 1 of a tensor of rank 1}}
  %0 = fabric.softmax %a dim = 1 : tensor<4xf32>
  return
}

// -----

// layer_norm C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects operands and results of one shape and element type}}
  %0 = fabric.layer_norm %a dims = [0] {eps = 0.1} : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// layer_norm C2
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{the norm names dim -1 of a tensor of rank 1}}
  %0 = fabric.layer_norm %a dims = [-1] {eps = 0.1} : tensor<4xf32>
  return
}

// -----

// layer_norm C2
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.layer_norm %a dims = [1, 0] {eps = 0.1} : tensor<4x6xf32>
  return
}

// -----

// layer_norm C3
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects eps not to be negative, found -1}}
  %0 = fabric.layer_norm %a dims = [0] {eps = -1.0} : tensor<4xf32>
  return
}

// -----

// slice C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{the op names dim 2 of a tensor of rank 2}}
  %0 = fabric.slice %a dims = [2] offsets = [0] strides = [1] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.slice %a dims = [1, 0] offsets = [0, 0] strides = [1, 1] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects an offset and a stride for each of 1 dims, found 2 and 1}}
  %0 = fabric.slice %a dims = [1] offsets = [0, 0] strides = [1] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{has offset -1 and stride 1 along dim 1}}
  %0 = fabric.slice %a dims = [1] offsets = [-1] strides = [1] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C1
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{has offset 0 and stride 0 along dim 1}}
  %0 = fabric.slice %a dims = [1] offsets = [0] strides = [0] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C2
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{does not name dim 1, of which operand and result have sizes}}
  %0 = fabric.slice %a dims = [0] offsets = [0] strides = [1] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C2
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{expects operand and result of one rank and element type}}
  %0 = fabric.slice %a dims = [1] offsets = [0] strides = [1] : tensor<4x6xf32> -> tensor<4x3xf64>
  return
}

// -----

// slice C3
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{takes 3 elements from 2 in steps of 2 along dim 1, which has 6}}
  %0 = fabric.slice %a dims = [1] offsets = [2] strides = [2] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// slice C3
func.func @f(%a: tensor<4x6xf32>) {
  // expected-error @+1 {{takes 3 elements from 0 in steps of 9223372036854775807 along dim 1, which has 6}}
  %0 = fabric.slice %a dims = [1] offsets = [0] strides = [9223372036854775807] : tensor<4x6xf32> -> tensor<4x3xf32>
  return
}

// -----

// pad C1
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{the op names dim 2 of a tensor of rank 2}}
  %0 = fabric.pad %a dims = [2] offsets = [0] strides = [1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C1
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{expects dims in ascending order}}
  %0 = fabric.pad %a dims = [1, 0] offsets = [0, 0] strides = [1, 1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C1
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{expects an offset and a stride for each of 1 dims, found 2 and 1}}
  %0 = fabric.pad %a dims = [1] offsets = [0, 0] strides = [1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C1
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{has offset -1 and stride 1 along dim 1}}
  %0 = fabric.pad %a dims = [1] offsets = [-1] strides = [1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C1
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{has offset 0 and stride 0 along dim 1}}
  %0 = fabric.pad %a dims = [1] offsets = [0] strides = [0] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C2
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{does not name dim 1, of which operand and result have sizes}}
  %0 = fabric.pad %a dims = [0] offsets = [0] strides = [1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C2
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{expects operand and result of one rank and element type}}
  %0 = fabric.pad %a dims = [1] offsets = [0] strides = [1] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf64>
  return
}

// -----

// pad C3
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{takes 3 elements from 2 in steps of 2 along dim 1, which has 6}}
  %0 = fabric.pad %a dims = [1] offsets = [2] strides = [2] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// pad C3
func.func @f(%a: tensor<4x3xf32>) {
  // expected-error @+1 {{takes 3 elements from 0 in steps of 9223372036854775807 along dim 1, which has 6}}
  %0 = fabric.pad %a dims = [1] offsets = [0] strides = [9223372036854775807] value = 0.0 : tensor<4x3xf32> -> tensor<4x6xf32>
  return
}

// -----

// concat C1
func.func @f() {
  // expected-error @+1 {{expects operands}}
  %0 = fabric.concat dim = 0 : () -> tensor<4xf32>
  return
}

// -----

// concat C1
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{the op names dim 1 of a tensor of rank 1}}
  %0 = fabric.concat %a dim = 1 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// concat C2
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{expects 8 elements along dim 0, found 9}}
  %0 = fabric.concat %a, %a dim = 0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<9xf32>
  return
}

// -----

// concat C2
func.func @f(%a: tensor<4x6xf32>, %b: tensor<5x6xf32>) {
  // expected-error @+1 {{expects operands and result to agree but along dim 1}}
  %0 = fabric.concat %a, %b dim = 1 : (tensor<4x6xf32>, tensor<5x6xf32>) -> tensor<4x12xf32>
  return
}

// -----

// concat C2
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{expects operands of the result's rank and element type}}
  %0 = fabric.concat %a, %b dim = 0 : (tensor<4xf32>, tensor<4xf64>) -> tensor<8xf32>
  return
}
