// RUN: fabric-compile %s --dp=1 --tp=1 --emit=lower | FileCheck %s

// A kernel that updates a parameter does not also read a view of it: it could
// not tell which elements it has written already.
// CHECK: exec.launch @kernels::@{{kernel_[0-9]+}}(%w, %{{.*}}) ties = [-1]
// CHECK: exec.launch @kernels::@{{kernel_[0-9]+}}(%w, {{.*}}) ties = [0, 1, 2]
module attributes {fabric.train = #fabric.train<adamw, lr = 0.001, weight_decay = 0.01, beta1 = 0.9, beta2 = 0.999, eps = 0.001>} {
  func.func @model(%w: tensor<4x8xf64> {fabric.param = #fabric.param<"w">}) -> (tensor<f64> {fabric.result = "loss"}) {
    %0 = fabric.reshape %w : tensor<4x8xf64> -> tensor<4x8xf64>
    %1 = fabric.sub %w, %0 : tensor<4x8xf64>
    %2 = fabric.stop_gradient %1 : tensor<4x8xf64>
    %3 = fabric.sum %2 dims = [0, 1] : tensor<4x8xf64> -> tensor<f64>
    return %3 : tensor<f64>
  }
}
