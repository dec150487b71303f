// RUN: fabric-opt %s -split-input-file -verify-diagnostics --lower-kernels-to-linalg

func.func @reshape(%a: tensor<4x4xf32>) -> tensor<16xf32> {
  // expected-error @+1 {{'fabric.reshape' op cannot be part of a kernel: it is neither a structured op nor a constant}}
  %0 = fabric.reshape %a : tensor<4x4xf32> -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

func.func @rows_disagree(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.sum %a dims = [0] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = fabric.broadcast %0 dims = [1] : tensor<4xf32> -> tensor<4x4xf32>
  // expected-error @+1 {{'fabric.sum' op expects all reductions that a kernel reads to keep the same loops}}
  %2 = fabric.sum %a dims = [1] : tensor<4x4xf32> -> tensor<4xf32>
  %3 = fabric.broadcast %2 dims = [0] : tensor<4xf32> -> tensor<4x4xf32>
  %4 = fabric.mul %a, %1 : tensor<4x4xf32>
  %5 = fabric.mul %4, %3 : tensor<4x4xf32>
  return %5 : tensor<4x4xf32>
}

// -----

func.func @another_row(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.sum %a dims = [1] : tensor<4x4xf32> -> tensor<4xf32>
  // expected-error @+1 {{'fabric.broadcast' op expects what a kernel has reduced to be read row by row}}
  %1 = fabric.broadcast %0 dims = [1] : tensor<4xf32> -> tensor<4x4xf32>
  %2 = fabric.mul %a, %1 : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// expected-error @+1 {{expects results to run over one iteration domain, found a reduction that is read of type 'tensor<f32>' in a domain of [3, 4]}}
func.func @read_over_part(%a: tensor<3x4xf32>, %b: tensor<3xf32>) -> tensor<3x4xf32> {
  %0 = fabric.sum %b dims = [0] : tensor<3xf32> -> tensor<f32>
  %1 = fabric.broadcast %0 dims = [] : tensor<f32> -> tensor<3x4xf32>
  %2 = fabric.mul %a, %1 : tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
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

// -----

func.func @too_few_loops(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // expected-error @+1 {{'fabric.neg' op expects exec.loops to name a loop for each of its own}}
  %0 = fabric.neg %a {exec.loops = array<i64: 0>} : tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @loop_twice(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'fabric.neg' op expects exec.loops to name loops of the kernel's domain once, found 1}}
  %0 = fabric.neg %a {exec.loops = array<i64: 1, 1>} : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @unknown_loop(%a: tensor<4xf32>, %b: tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  // expected-error @+1 {{'fabric.neg' op expects exec.loops to name loops of the kernel's domain once, found 2}}
  %0 = fabric.neg %a {exec.loops = array<i64: 2>} : tensor<4xf32>
  %1 = fabric.neg %b {exec.loops = array<i64: 0, 1>} : tensor<3x4xf32>
  return %0, %1 : tensor<4xf32>, tensor<3x4xf32>
}

// -----

func.func @root_without(%a: tensor<4xf32>, %b: tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  // expected-error @+1 {{'fabric.neg' op has exec.loops, and the op that runs over all loops has not}}
  %0 = fabric.neg %a {exec.loops = array<i64: 1>} : tensor<4xf32>
  %1 = fabric.neg %b : tensor<3x4xf32>
  return %0, %1 : tensor<4xf32>, tensor<3x4xf32>
}
