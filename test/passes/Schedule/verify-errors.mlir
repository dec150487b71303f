// RUN: fabric-opt %s -split-input-file -verify-diagnostics --schedule-verify

func.func @read_after_update(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<4xf32>, tensor<2x2xf32>) {
  // expected-note @below {{updated here}}
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %view = fabric.reshape %p : tensor<4xf32> -> tensor<2x2xf32>
  // expected-error @below {{reads a value that was updated in place before}}
  %old = fabric.neg %view : tensor<2x2xf32>
  return %p1, %old : tensor<4xf32>, tensor<2x2xf32>
}

// -----

func.func @one_value_twice(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>) -> tensor<4xf32> {
  // expected-error @below {{updates one value twice}}
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %m, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %p1 : tensor<4xf32>
}

// -----

// expected-error @below {{must have one block to be scheduled, found 2}}
func.func @two_blocks(%p: tensor<4xf32>) {
  return
^bb1:
  return
}
