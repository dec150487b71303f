// RUN: fabric-opt %s -split-input-file -verify-diagnostics --schedule-regather="memory=100"

// Arguments and results are needed whatever is gathered again.
// expected-error @below {{does not fit into the memory budget of 100 bytes: one rank needs 128 bytes}}
func.func @arguments(%0: tensor<16xf32>) -> tensor<16xf32> {
  %1 = fabric.neg %0 : tensor<16xf32>
  return %1 : tensor<16xf32>
}

// -----

// A constant is part of the plan, a view is no buffer: 64 + 32 bytes fit.
func.func @views_and_constants(%0: tensor<16xf32>) -> tensor<8xf32> {
  %1 = fabric.reshape %0 : tensor<16xf32> -> tensor<2x8xf32>
  %2 = fabric.constant dense<1.0> : tensor<2x8xf32>
  %3 = fabric.sum %1 dims = [0] : tensor<2x8xf32> -> tensor<8xf32>
  return %3 : tensor<8xf32>
}
