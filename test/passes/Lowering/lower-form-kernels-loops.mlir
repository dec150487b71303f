// RUN: split-file %s %t
// RUN: fabric-verify %t/across.mlir --meshes=1x1
// RUN: fabric-verify %t/constant.mlir --meshes=1x3 --comm=local
// RUN: fabric-opt %t/ones.mlir --lower-form-kernels | FileCheck %t/ones.mlir

// Kernels say which loops their ops run over, for their bodies do not always tell.

//--- across.mlir
// Rows of a softmax, read along them and across: what reads both has the loops
// of the transposed.
module attributes {fabric.train = #fabric.train<gradients>} {
  func.func @model(%x: tensor<3x3x2xf64> {fabric.param = #fabric.param<"w", init = uniform(-1.0, 1.0)>}) -> (tensor<f64> {fabric.result = "loss"}) {
    %0 = fabric.softmax %x dim = 1 : tensor<3x3x2xf64>
    %1 = fabric.add %0, %x : tensor<3x3x2xf64>
    %2 = fabric.transpose %0 permutation = [1, 0, 2] : tensor<3x3x2xf64> -> tensor<3x3x2xf64>
    %3 = fabric.mul %x, %2 : tensor<3x3x2xf64>
    %4 = fabric.broadcast %3 dims = [0, 2, 3] : tensor<3x3x2xf64> -> tensor<3x3x3x2xf64>
    %5 = fabric.sum %1 dims = [0, 1, 2] : tensor<3x3x2xf64> -> tensor<f64>
    %6 = fabric.sum %4 dims = [0, 1, 2, 3] : tensor<3x3x3x2xf64> -> tensor<f64>
    %7 = fabric.add %5, %6 : tensor<f64>
    return %7 : tensor<f64>
  }
}

//--- constant.mlir
// The gradient of a bias that sums what depends on no input, masked over rows
// and over columns.
module attributes {fabric.train = #fabric.train<adamw, lr = 0.001, weight_decay = 0.01, beta1 = 0.9, beta2 = 0.999, eps = 0.001>} {
  func.func @model(%w: tensor<8x6xf64> {dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"w", init = uniform(-1.0, 1.0)>}, %b: tensor<8xf64> {fabric.param = #fabric.param<"b", init = uniform(-1.0, 1.0)>}) -> (tensor<f64> {fabric.result = "loss"}) {
    %0 = fabric.linear %w, %w : (tensor<8x6xf64>, tensor<8x6xf64>) -> tensor<8x8xf64>
    %1 = fabric.broadcast %b dims = [0] : tensor<8xf64> -> tensor<8x8xf64>
    %2 = fabric.add %1, %0 : tensor<8x8xf64>
    %3 = fabric.sum %2 dims = [0, 1] : tensor<8x8xf64> -> tensor<f64>
    return %3 : tensor<f64>
  }
}

//--- ones.mlir
func.func @ones(%valid: tensor<9xf64>) -> tensor<9xf64> {
  // CHECK: fabric.mask %{{.*}} dim = 1 {exec.loops = array<i64: 0, 1>}
  // CHECK: fabric.sum %{{.*}} dims = [1] {exec.loops = array<i64: 0, 1>}
  // CHECK: fabric.mask %{{.*}} dim = 0 {exec.loops = array<i64: 0>}
  %one = fabric.constant dense<1.0> : tensor<f64>
  %0 = fabric.broadcast %one dims = [] : tensor<f64> -> tensor<9x9xf64>
  %1 = fabric.mask %0, %valid dim = 1 : tensor<9x9xf64>, tensor<9xf64> -> tensor<9x9xf64>
  %2 = fabric.sum %1 dims = [1] : tensor<9x9xf64> -> tensor<9xf64>
  %3 = fabric.mask %2, %valid dim = 0 : tensor<9xf64>, tensor<9xf64> -> tensor<9xf64>
  return %3 : tensor<9xf64>
}
