// RUN: fabric-opt %s -split-input-file -verify-diagnostics --lower-kernels-to-linalg

func.func @reshape(%a: tensor<4x4xf32>) -> tensor<16xf32> {
  // expected-error @+1 {{'fabric.reshape' op cannot be part of a kernel: it is neither a structured op nor a constant}}
  %0 = fabric.reshape %a : tensor<4x4xf32> -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

func.func @sum_is_not_last(%a: tensor<4x4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'fabric.sum' op expects an op that reduces to be the last of a kernel; it is used by 'fabric.neg'}}
  %0 = fabric.sum %a dims = [0] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = fabric.neg %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

func.func @constant_is_no_splat(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'fabric.constant' op expects constants of a kernel to be splats}}
  %0 = fabric.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = fabric.mul %a, %0 : tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// expected-error @+1 {{expects results to run over one iteration domain, found result #1 of type 'tensor<4xf32>' in a domain of [3, 4]}}
func.func @two_domains(%a: tensor<3x4xf32>, %b: tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>) {
  %0 = fabric.neg %b : tensor<4xf32>
  %1 = fabric.broadcast %0 dims = [1] : tensor<4xf32> -> tensor<3x4xf32>
  %2 = fabric.add %a, %1 : tensor<3x4xf32>
  return %2, %0 : tensor<3x4xf32>, tensor<4xf32>
}

// -----

// expected-error @+1 {{expects a kernel on local tensors of static shape, found 'f32'}}
func.func @scalar(%a: tensor<4xf32>, %b: f32) -> tensor<4xf32> {
  %0 = fabric.neg %a : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{expects a kernel to have results}}
func.func @nothing(%a: tensor<4xf32>) {
  return
}
