// RUN: fabric-opt %s --lower-launches-to-gpu | FileCheck %s

// Functions of tensors stand for code: what is written over what stays with
// them, the grid is with the code.
// CHECK: func.func private @kernel_0(tensor<1024xf32> {exec.may_alias = array<i64: 0>}) -> tensor<1024xf32>
// CHECK: func.func private @kernel_1(tensor<4194304xf32>) -> tensor<[[PARTS:[0-9]+]]x1xf64>
// CHECK: func.func private @kernel_1_parts_0(tensor<[[PARTS]]x1xf64>) -> tensor<f32>
// CHECK: func.func private @kernel_2_0() -> tensor<30xf32>
// CHECK: func.func private @kernel_2(tensor<12xf32>, tensor<30xf32> {exec.may_alias = array<i64: 0>}) -> tensor<30xf32>
// CHECK: gpu.module @device
// CHECK: gpu.func @kernel_0(
// CHECK-SAME: known_grid_size

// A piece of a peer's buffer of 36 bytes a piece begins at multiples of 4 only.
// CHECK: gpu.func @kernel_3(%[[PIECE:.*]]: memref<9xf32>
// CHECK-NOT: vector.load %[[PIECE]]
// CHECK: gpu.return

module attributes {dist.mesh = #dist.mesh<["dp"=2]>, dist.partitioned} {
module @kernels {
  func.func @kernel_0(%a: tensor<1024xf32> {exec.may_alias = array<i64: 0>}) -> tensor<1024xf32> {
    %0 = fabric.neg %a : tensor<1024xf32>
    return %0 : tensor<1024xf32>
  }
  func.func @kernel_1(%a: tensor<4194304xf32>) -> tensor<f32> {
    %0 = fabric.sum %a dims = [0] : tensor<4194304xf32> -> tensor<f32>
    return %0 : tensor<f32>
  }
  func.func @kernel_2(%a: tensor<12xf32>) -> tensor<30xf32> {
    %0 = fabric.pad %a dims = [0] offsets = [1] strides = [1] value = 0.5 : tensor<12xf32> -> tensor<30xf32>
    return %0 : tensor<30xf32>
  }
  func.func @kernel_3(%a: tensor<9xf32>) -> tensor<9xf32> {
    %0 = fabric.neg %a : tensor<9xf32>
    return %0 : tensor<9xf32>
  }
  func.func @kernel_4(%p: tensor<64xf32>, %lr: tensor<f64>, %step: tensor<f64>)
      -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
    %0:3 = fabric.adamw %p, %p, %p, %p, lr = %lr, step = %step
        {beta1 = 0.9 : f64, beta2 = 0.999 : f64, eps = 1.0e-8 : f64, weight_decay = 0.01 : f64}
        : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<f64>, tensor<f64>)
        -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
    return %0#0, %0#1, %0#2 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
  }
}

// CHECK-LABEL: func.func @program
func.func @program(%a: tensor<1024xf32>, %b: tensor<4194304xf32>, %c: tensor<12xf32>, %d: tensor<18xf32>,
    %p: tensor<64xf32>, %q: tensor<64xf32>, %lr: tensor<f64>, %step: tensor<f64>) {
  // CHECK: exec.launch @kernels::@kernel_0(%{{.*}}) ties = [0] :
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [0] : (tensor<1024xf32>) -> tensor<1024xf32>
  // A long sum leaves parts for a launch that joins them.
  // CHECK: %[[P:.*]] = exec.launch @kernels::@kernel_1(%{{.*}}) ties = [-1] :
  // CHECK: exec.launch @kernels::@kernel_1_parts_0(%[[P]]) ties = [-1] :
  %1 = exec.launch @kernels::@kernel_1(%b) ties = [-1] : (tensor<4194304xf32>) -> tensor<f32>
  // A box goes where the fill is.
  // CHECK: %[[F:.*]] = exec.launch @kernels::@kernel_2_0() ties = [-1] :
  // CHECK: exec.launch @kernels::@kernel_2(%{{.*}}, %[[F]]) ties = [1] :
  %2 = exec.launch @kernels::@kernel_2(%c) ties = [-1] : (tensor<12xf32>) -> tensor<30xf32>
  %piece = exec.peer_view %d axes = <{"dp"}> member = 0 own_piece : tensor<18xf32> -> tensor<9xf32>
  %3 = exec.launch @kernels::@kernel_3(%piece) ties = [-1] : (tensor<9xf32>) -> tensor<9xf32>
  // The numbers of the step are computed once.
  // CHECK: %[[N:.*]]:3 = exec.launch @kernels::@kernel_4_scalars(
  // CHECK-NOT: _scalars
  // CHECK: exec.launch @kernels::@kernel_4(%{{.*}}, %[[N]]#0, %[[N]]#1, %[[N]]#2)
  // CHECK-NOT: _scalars
  // CHECK: exec.launch @kernels::@kernel_4(%{{.*}}, %[[N]]#0, %[[N]]#1, %[[N]]#2)
  %4:3 = exec.launch @kernels::@kernel_4(%p, %lr, %step) ties = [-1, -1, -1]
      : (tensor<64xf32>, tensor<f64>, tensor<f64>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
  %5:3 = exec.launch @kernels::@kernel_4(%q, %lr, %step) ties = [-1, -1, -1]
      : (tensor<64xf32>, tensor<f64>, tensor<f64>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
  return
}
}
