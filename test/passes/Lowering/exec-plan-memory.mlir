// RUN: fabric-opt %s --exec-plan-memory --exec-verify-memory -split-input-file | FileCheck %s

// What outlives a step has memory of its own, by kind; a copy is never needed
// for an update that its op makes in place.
// CHECK: exec.arenas = [#exec.arena<parameters, 64>, #exec.arena<optimizer, 128>, #exec.arena<io, 192>, #exec.arena<workspace, 64>]
module {
  module @kernels {
    func.func private @update(tensor<4xf32> {exec.may_alias = array<i64: 0>}, tensor<4xf32>, tensor<4xf32> {exec.may_alias = array<i64: 1>},
      tensor<4xf32> {exec.may_alias = array<i64: 2>}, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    func.func private @gradient(tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<f32>)
  }
  // CHECK-LABEL: @arenas
  // CHECK-SAME: exec.slot = #exec.slot<io, 0, activations>
  // CHECK-SAME: exec.slot = #exec.slot<parameters, 0, parameters>
  // CHECK-SAME: exec.slot = #exec.slot<optimizer, 0, optimizer>
  // CHECK-SAME: exec.slot = #exec.slot<optimizer, 64, optimizer>
  // CHECK-SAME: exec.slot = #exec.slot<io, 64, activations>
  func.func @arenas(%x: tensor<4xf32> {fabric.input = #fabric.input<"x">}, %p: tensor<4xf32> {fabric.param = #fabric.param<"p">},
      %m: tensor<4xf32> {fabric.state = #fabric.state<"p", "exp_avg">}, %v: tensor<4xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">},
      %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>})
      -> (tensor<f32> {fabric.result = "loss"}, tensor<4xf32> {fabric.update_of = 1 : i64}, tensor<4xf32> {fabric.update_of = 2 : i64}, tensor<4xf32> {fabric.update_of = 3 : i64}) {
    // CHECK: @gradient{{.*}} at [#exec.slot<workspace, 0, gradients>, #exec.slot<io, 128, activations>]
    %g:2 = exec.launch @kernels::@gradient(%x, %p) ties = [-1, -1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<f32>)
    // CHECK: @update{{.*}} ties = [0, 2, 3] at [#exec.slot<parameters, 0, parameters>, #exec.slot<optimizer, 0, optimizer>, #exec.slot<optimizer, 64, optimizer>]
    %u:3 = exec.launch @kernels::@update(%p, %g#0, %m, %v, %lr) ties = [0, 2, 3] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    return %g#1, %u#0, %u#1, %u#2 : tensor<f32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
}

// -----

// Results are written over operands that die, where the kernel allows it, but
// never over inputs, constants, or what is read again.
module {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
    func.func private @sum(tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  }
  // CHECK-LABEL: @ties
  func.func @ties(%x: tensor<16xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<16xf32> {fabric.result = "y"}) {
    // CHECK: %[[A:.*]] = exec.launch @kernels::@f(%arg0) ties = [-1]
    %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: %[[B:.*]] = exec.launch @kernels::@f(%[[A]]) ties = [-1]
    %b = exec.launch @kernels::@f(%a) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: %[[C:.*]] = exec.launch @kernels::@f(%[[B]]) ties = [0]
    %c = exec.launch @kernels::@f(%b) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: exec.launch @kernels::@sum(%[[A]], %[[C]]) ties = [-1] at [#exec.slot<io
    %d = exec.launch @kernels::@sum(%a, %c) ties = [-1] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %d : tensor<16xf32>
  }
}

// -----

// Views have the slot of what they view; reading one keeps it alive.
module {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
    func.func private @g(tensor<16xf32>) -> tensor<4x4xf32>
    func.func private @h(tensor<4x4xf32>, tensor<16xf32>) -> tensor<16xf32>
  }
  // CHECK-LABEL: @views
  func.func @views(%x: tensor<16xf32>) -> tensor<16xf32> {
    // CHECK: @g(%arg0) ties = [-1] at [#exec.slot<workspace, [[A:[0-9]+]], activations>]
    %a = exec.launch @kernels::@g(%x) ties = [-1] : (tensor<16xf32>) -> tensor<4x4xf32>
    // CHECK: exec.view %{{.*}} at <workspace, [[A]], activations>
    %v = exec.view %a : tensor<4x4xf32> -> tensor<16xf32>
    // CHECK: @f(%{{.*}}) ties = [-1]
    %b = exec.launch @kernels::@f(%v) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    %c = exec.launch @kernels::@h(%a, %b) ties = [-1] : (tensor<4x4xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %c : tensor<16xf32>
  }
}

// -----

// Memory of the dead is used again; an all-reduce whose operand dies is in place.
#mesh = #dist.mesh<["tp"=2]>
module attributes {dist.mesh = #mesh} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  // CHECK-LABEL: @reuse
  func.func @reuse(%x: tensor<16xf32>) -> tensor<16xf32> {
    // CHECK: at [#exec.slot<workspace, [[A:[0-9]+]], activations>]
    %a = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: all_reduce{{.*}} in_place at <workspace, [[A]], activations>
    %b = exec.collective all_reduce %a by sum axes = <{"tp"}> bytes_sent = 64 why = "" : tensor<16xf32> -> tensor<16xf32>
    // CHECK: at [#exec.slot<workspace, [[C:[0-9]+]], activations>]
    %c = exec.launch @kernels::@f(%b) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: at [#exec.slot<workspace, [[A]], activations>]
    %d = exec.launch @kernels::@f(%c) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    %e = exec.launch @kernels::@f(%d) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    return %e : tensor<16xf32>
  }
}

// -----

// A gradient is a gradient before and after it is reduced; what is gathered is
// communication.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
    func.func private @update(tensor<8xf32> {exec.may_alias = array<i64: 0>}, tensor<8xf32>) -> tensor<8xf32>
  }
  // CHECK-LABEL: @classes
  func.func @classes(%p: tensor<8xf32> {fabric.param = #fabric.param<"p">}) -> (tensor<8xf32> {fabric.update_of = 0 : i64}) {
    // CHECK: all_gather {{.*}}, communication>
    %full = exec.collective all_gather %p axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "" : tensor<8xf32> -> tensor<16xf32>
    // CHECK: @f{{.*}}, gradients>
    %g = exec.launch @kernels::@f(%full) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: reduce_scatter {{.*}}, gradients>
    %s = exec.collective reduce_scatter %g by sum axes = <{"dp"}> split_dim = 0 bytes_sent = 32 why = "" : tensor<16xf32> -> tensor<8xf32>
    // CHECK: @update{{.*}} ties = [0] at [#exec.slot<parameters, 0, parameters>]
    %u = exec.launch @kernels::@update(%p, %s) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %u : tensor<8xf32>
  }
}

// -----

// The same before a cast, but not before a kernel that computes.
module {
  module @kernels {
    func.func private @f(tensor<8xf32>) -> tensor<8xf32>
    func.func private @narrow(tensor<8xf32>) -> tensor<8xbf16>
    func.func private @widen(tensor<8xbf16>) -> tensor<8xf32>
    func.func private @update(tensor<8xf32> {exec.may_alias = array<i64: 0>}, tensor<8xf32>) -> tensor<8xf32>
  }
  // CHECK-LABEL: @casts
  func.func @casts(%p: tensor<8xf32> {fabric.param = #fabric.param<"p">}) -> (tensor<8xf32> {fabric.update_of = 0 : i64}) {
    // CHECK: @f({{.*}}, activations>
    %a = exec.launch @kernels::@f(%p) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
    // CHECK: @f({{.*}}, gradients>
    %g = exec.launch @kernels::@f(%a) ties = [-1] : (tensor<8xf32>) -> tensor<8xf32>
    // CHECK: @narrow({{.*}}, gradients>
    %h = exec.launch @kernels::@narrow(%g) ties = [-1] : (tensor<8xf32>) -> tensor<8xbf16>
    // CHECK: @widen({{.*}}, gradients>
    %w = exec.launch @kernels::@widen(%h) ties = [-1] : (tensor<8xbf16>) -> tensor<8xf32>
    %u = exec.launch @kernels::@update(%p, %w) ties = [-1] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %u : tensor<8xf32>
  }
}

// -----

// A new value whose kernel cannot write over the old one still goes right to its
// slot, where the old one was read before.
module {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  // CHECK-LABEL: @take_over
  // CHECK: exec.launch
  // CHECK: exec.launch {{.*}} ties = [-1] at [#exec.slot<parameters, 0, parameters>]
  // CHECK-NOT: exec.copy
  func.func @take_over(%p: tensor<16xf32> {fabric.param = #fabric.param<"p">}) -> (tensor<16xf32> {fabric.update_of = 0 : i64}) {
    %a = exec.launch @kernels::@f(%p) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    %b = exec.launch @kernels::@f(%a) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    return %b : tensor<16xf32>
  }
}

// -----

// Constants have memory of their own, and are not written over.
module {
  module @kernels {
    func.func private @f(tensor<2xf32> {exec.may_alias = array<i64: 0>}) -> tensor<2xf32>
  }
  // CHECK-LABEL: @constant
  // CHECK: exec.constant {{.*}} at <io, [[C:[0-9]+]], activations>
  // CHECK: ties = [-1]
  func.func @constant() -> tensor<2xf32> {
    %0 = exec.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %1 = exec.launch @kernels::@f(%0) ties = [-1] : (tensor<2xf32>) -> tensor<2xf32>
    return %1 : tensor<2xf32>
  }
}
