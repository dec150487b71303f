// RUN: fabric-opt %s -split-input-file -verify-diagnostics --schedule-order

func.func @old_after_new(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>) {
  // expected-error @below {{cannot update in place: the value from before it is still needed after it}}
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  // expected-note @below {{needed here}}
  %change = fabric.sub %p1, %p : tensor<4xf32>
  return %p1, %change : tensor<4xf32>, tensor<4xf32>
}

// -----

func.func @old_is_returned(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<4xf32>, tensor<2x2xf32>) {
  // expected-error @below {{cannot update in place: the value from before it is still needed after it}}
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %view = fabric.reshape %p : tensor<4xf32> -> tensor<2x2xf32>
  // expected-note @below {{needed here}}
  return %p1, %view : tensor<4xf32>, tensor<2x2xf32>
}

// -----

// expected-error @below {{must have one block to be scheduled, found 2}}
func.func @two_blocks(%p: tensor<4xf32>) {
  return
^bb1:
  return
}

// -----

#mesh = #dist.mesh<["dp"=2]>
// expected-error @below {{is in global view; partition it before it is scheduled}}
func.func @global(%p: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  return
}
