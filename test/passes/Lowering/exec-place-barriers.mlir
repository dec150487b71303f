// RUN: fabric-opt %s --exec-place-barriers | FileCheck %s

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
module @kernels {
  func.func private @f(tensor<8xf32>) -> tensor<8xf32>
  func.func private @g(tensor<4xf32>, tensor<4xf32>, tensor<4xf32> {exec.may_alias = array<i64: 0>}) -> tensor<4xf32>
  func.func private @h(tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
}

// A parameter: one barrier before all that read it, one before it is updated; the
// gradient's is the same one. What only peers read is alive until they have.
// CHECK-LABEL: @train
// CHECK-SAME: %[[P:.*]]: tensor<4xf32>
func.func @train(%p: tensor<4xf32> {fabric.param = #fabric.param<"p">}, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<4xf32>) {
  %p0 = exec.peer_view %p axes = <{"dp"}> member = 0 : tensor<4xf32> -> tensor<4xf32>
  %p1 = exec.peer_view %p axes = <{"dp"}> member = 1 : tensor<4xf32> -> tensor<4xf32>
  // CHECK: member = 1
  // CHECK-NEXT: exec.barrier axes = <{"dp"}>{{$}}
  // CHECK-NEXT: exec.launch @kernels::@g
  // CHECK-NEXT: exec.launch @kernels::@g
  // CHECK-NEXT: %[[G:.*]] = exec.launch @kernels::@f
  %a = exec.launch @kernels::@g(%p0, %p1, %p0) ties = [-1] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = exec.launch @kernels::@g(%p0, %a, %p1) ties = [-1] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %g = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %g1 = exec.peer_view %g axes = <{"dp"}> member = 1 own_piece : tensor<8xf32> -> tensor<4xf32>
  // CHECK: own_piece
  // CHECK: own_piece
  // CHECK-NEXT: exec.barrier axes = <{"dp"}> released(%[[P]] : tensor<4xf32>)
  // CHECK-NEXT: exec.launch @kernels::@g
  // CHECK-NEXT: exec.barrier axes = <{"dp"}> released(%[[G]] : tensor<8xf32>)
  // CHECK-NEXT: return
  %new = exec.launch @kernels::@g(%g0, %g1, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %new, %b : tensor<4xf32>, tensor<4xf32>
}

// Nothing of a parameter is overwritten, but inputs are, between steps.
// CHECK-LABEL: @inference
func.func @inference(%x: tensor<8xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<8xf32> {fabric.result = "y"}) {
  %v = exec.peer_view %x axes = <{"tp"}> member = 0 : tensor<8xf32> -> tensor<8xf32>
  // CHECK: exec.barrier axes = <{"tp"}>{{$}}
  // CHECK-NEXT: exec.launch
  // CHECK-NEXT: exec.barrier axes = <{"tp"}> released(%{{.*}} : tensor<8xf32>)
  // CHECK-NEXT: return
  %y = exec.launch @kernels::@h(%v, %x) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// A collective over more axes orders, too; one of no traffic, or over others, does
// not.
// CHECK-LABEL: @collectives
func.func @collectives(%x: tensor<8xf32>, %s: tensor<f32>) -> (tensor<8xf32>, tensor<f32>, tensor<f32>) {
  %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %v = exec.peer_view %a axes = <{"dp"}> member = 0 : tensor<8xf32> -> tensor<8xf32>
  // CHECK: exec.collective all_reduce
  // CHECK-NEXT: exec.launch @kernels::@h
  // CHECK-NEXT: exec.barrier axes = <{"dp"}> released
  %t = exec.collective all_reduce %s by sum axes = <{"dp", "tp"}> bytes_sent = 0 why = "" : tensor<f32> -> tensor<f32>
  %b = exec.launch @kernels::@h(%v, %x) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  // CHECK-NEXT: exec.launch @kernels::@f
  %d = exec.launch @kernels::@f(%b) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %w = exec.peer_view %d axes = <{"dp"}> member = 0 : tensor<8xf32> -> tensor<8xf32>
  // CHECK: exec.collective all_reduce
  // CHECK-NEXT: exec.barrier axes = <{"dp"}>{{$}}
  // CHECK-NEXT: exec.launch @kernels::@h
  %u = exec.collective all_reduce %t by sum axes = <{"tp"}> bytes_sent = 0 why = "" : tensor<f32> -> tensor<f32>
  %c = exec.launch @kernels::@h(%w, %x) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %c, %t, %u : tensor<8xf32>, tensor<f32>, tensor<f32>
}

// What ends one read begins another: the barrier after the first read has seen what
// was written before it.
// CHECK-LABEL: @merged
func.func @merged(%x: tensor<8xf32>) -> tensor<8xf32> {
  %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %v = exec.peer_view %a axes = <{"dp"}> member = 0 : tensor<8xf32> -> tensor<8xf32>
  // CHECK: exec.barrier axes = <{"dp"}>{{$}}
  // CHECK-NEXT: exec.launch @kernels::@h
  // CHECK-NEXT: exec.barrier axes = <{"dp"}> released
  %b = exec.launch @kernels::@h(%v, %x) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %w = exec.peer_view %b axes = <{"dp"}> member = 1 : tensor<8xf32> -> tensor<8xf32>
  // CHECK-NEXT: exec.peer_view
  // CHECK-NEXT: exec.launch @kernels::@h
  %c = exec.launch @kernels::@h(%w, %x) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  // CHECK-NEXT: exec.barrier axes = <{"dp"}> released
  // CHECK-NOT: exec.barrier
  return %c : tensor<8xf32>
}

// Who reads nothing of peers meets nobody.
// CHECK-LABEL: @alone
// CHECK-NOT: exec.barrier
func.func @alone(%x: tensor<8xf32>) -> tensor<8xf32> {
  %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  return %a : tensor<8xf32>
}
}
