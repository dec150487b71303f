// RUN: fabric-opt %s --exec-plan-memory --exec-verify-memory | FileCheck %s

// An asynchronous collective keeps its operand until its result is read: %b is
// not written over %a.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
module @kernels {
  func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  func.func private @over(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
  func.func private @g(tensor<8xf32>, tensor<16xf32>) -> tensor<16xf32>
}
// CHECK-LABEL: func.func @kept(
// CHECK: %[[A:.+]] = exec.launch @kernels::@f(%arg0) ties = [-1] at [#exec.slot<workspace, [[A_AT:[0-9]+]], activations>]
// CHECK: exec.collective reduce_scatter %[[A]]
// CHECK: exec.launch @kernels::@over(%[[A]]) ties = [-1]
// CHECK-NOT: #exec.slot<workspace, [[A_AT]],
// CHECK: exec.launch @kernels::@g
func.func @kept(%x: tensor<16xf32>) -> (tensor<16xf32> {fabric.result = "y"}) {
  %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
  %s = exec.collective reduce_scatter %a by sum axes = <{"dp"}> split_dim = 0 bytes_sent = 32 why = "s" async : tensor<16xf32> -> tensor<8xf32>
  %b = exec.launch @kernels::@over(%a) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
  %c = exec.launch @kernels::@g(%s, %b) ties = [-1] : (tensor<8xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %c : tensor<16xf32>
}
}
