// RUN: fabric-opt %s --exec-join-peer-reads=join-bytes=64 | FileCheck %s
// RUN: fabric-opt %s --exec-join-peer-reads="join-bytes=64" --exec-place-barriers="join-bytes=64" | FileCheck %s --check-prefix=BARRIERS
// RUN: fabric-opt %s --exec-join-peer-reads | FileCheck %s --check-prefix=APART

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
module @kernels {
  func.func private @make(tensor<8xf32>) -> tensor<8xf32>
  func.func private @update(tensor<4xf32>, tensor<4xf32>, tensor<4xf32> {exec.may_alias = array<i64: 0>}) -> tensor<4xf32>
  func.func private @read(tensor<4xf32>) -> tensor<8xf32>
  func.func private @grow(tensor<8xf32>, tensor<8xf32> {exec.may_alias = array<i64: 0>}) -> tensor<8xf32>
}

// Both gradients are there before the first update: with it, two barriers serve
// both. Each would have had two of its own. They stay in their order.
// CHECK-LABEL: @two
// CHECK-SAME: %[[P:.*]]: tensor<4xf32>, %[[Q:.*]]: tensor<4xf32>, %[[X:.*]]: tensor<8xf32>
// CHECK-COUNT-2: exec.launch @kernels::@make
// CHECK: exec.launch @kernels::@update(%{{.*}}, %{{.*}}, %[[P]])
// CHECK-NEXT: exec.launch @kernels::@update(%{{.*}}, %{{.*}}, %[[Q]])
// BARRIERS-LABEL: @two
// BARRIERS-COUNT-2: exec.launch @kernels::@make
// BARRIERS: exec.barrier axes = <{"dp"}>{{$}}
// BARRIERS-NEXT: exec.launch @kernels::@update
// BARRIERS-NEXT: exec.launch @kernels::@update
// BARRIERS-NEXT: exec.barrier axes = <{"dp"}> released(%{{.*}}, %{{.*}} : tensor<8xf32>, tensor<8xf32>)
// BARRIERS-NEXT: return
// APART-LABEL: @two
// APART: exec.launch @kernels::@make
// APART: exec.launch @kernels::@update
// APART: exec.launch @kernels::@make
// APART: exec.launch @kernels::@update
// APART-LABEL: @three
func.func @two(%p: tensor<4xf32>, %q: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<4xf32> {fabric.update_of = 1 : i64}) {
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %g1 = exec.peer_view %g axes = <{"dp"}> member = 1 own_piece : tensor<8xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%g0, %g1, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %h = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %h0 = exec.peer_view %h axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %h1 = exec.peer_view %h axes = <{"dp"}> member = 1 own_piece : tensor<8xf32> -> tensor<4xf32>
  %q2 = exec.launch @kernels::@update(%h0, %h1, %q) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %p2, %q2 : tensor<4xf32>, tensor<4xf32>
}

// A third would keep 96 bytes alive: two do not wait for it, and it waits alone.
// CHECK-LABEL: @three
// CHECK-COUNT-3: exec.launch @kernels::@make
// CHECK-COUNT-2: exec.launch @kernels::@update
// CHECK-NOT: exec.launch @kernels::@update
// CHECK: exec.launch @kernels::@make
// CHECK: exec.launch @kernels::@update
// BARRIERS-LABEL: @three
func.func @three(%p: tensor<4xf32>, %q: tensor<4xf32>, %r: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<4xf32> {fabric.update_of = 1 : i64}, tensor<4xf32> {fabric.update_of = 2 : i64}, tensor<8xf32>) {
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%g0, %g0, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %h = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %h0 = exec.peer_view %h axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %q2 = exec.launch @kernels::@update(%h0, %h0, %q) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %i = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %i0 = exec.peer_view %i axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %r2 = exec.launch @kernels::@update(%i0, %i0, %r) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %j = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  return %p2, %q2, %r2, %j : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8xf32>
}

// What reads the new value, its own or a peer's, comes after the update.
// CHECK-LABEL: @read_again
// CHECK: exec.launch @kernels::@update
// CHECK: exec.launch @kernels::@read
// BARRIERS-LABEL: @read_again
func.func @read_again(%p: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<8xf32>) {
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%g0, %g0, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %v = exec.peer_view %p2 axes = <{"dp"}> member = 1 : tensor<4xf32> -> tensor<4xf32>
  %y = exec.launch @kernels::@read(%v) ties = [-1] : (tensor<4xf32>) -> tensor<8xf32>
  return %p2, %y : tensor<4xf32>, tensor<8xf32>
}

// What writes over something that the update reads comes after it.
// CHECK-LABEL: @overwritten
// CHECK-SAME: %{{.*}}: tensor<4xf32>, %[[Q:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>
// CHECK: exec.launch @kernels::@update(%{{.*}}, %[[Q]], %{{.*}})
// CHECK-NEXT: exec.launch @kernels::@update(%[[Y]], %[[Y]], %[[Q]])
// BARRIERS-LABEL: @overwritten
func.func @overwritten(%p: tensor<4xf32>, %q: tensor<4xf32>, %y: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<4xf32> {fabric.update_of = 1 : i64}) {
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%g0, %q, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q2 = exec.launch @kernels::@update(%y, %y, %q) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %p2, %q2 : tensor<4xf32>, tensor<4xf32>
}

// Nor does what peers still read.
// CHECK-LABEL: @overwritten_for_peers
// CHECK: exec.launch @kernels::@update
// CHECK-NEXT: exec.launch @kernels::@grow
func.func @overwritten_for_peers(%p: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<8xf32>) {
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  %g0 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%g0, %g0, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %h = exec.launch @kernels::@grow(%x, %g) ties = [1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %p2, %h : tensor<4xf32>, tensor<8xf32>
}

// What reads a peer's argument is not held: an update may be close behind.
// CHECK-LABEL: @argument
// CHECK: exec.launch @kernels::@update
// CHECK: exec.launch @kernels::@make
func.func @argument(%p: tensor<4xf32>, %q: tensor<4xf32>, %x: tensor<8xf32>)
    -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<8xf32>) {
  %v = exec.peer_view %q axes = <{"dp"}> member = 1 : tensor<4xf32> -> tensor<4xf32>
  %p2 = exec.launch @kernels::@update(%v, %v, %p) ties = [2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %g = exec.launch @kernels::@make(%x) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
  return %p2, %g : tensor<4xf32>, tensor<8xf32>
}
}
