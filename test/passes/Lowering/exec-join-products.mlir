// RUN: fabric-opt %s -split-input-file --exec-join-products | FileCheck %s
// RUN: fabric-opt %s -split-input-file --exec-join-products --exec-plan-memory --exec-verify-memory | FileCheck %s --check-prefix=PLAN

// The later of two products moves up to the earlier, past what reads that one's
// result. Their weights are parameters that follow each other, wherever they
// stand among the arguments; what is computed from one result is not written
// over it, for it has its place beside the other.
module {
  module @kernels {
    func.func private @f(tensor<4x8xf32> {exec.may_alias = array<i64: 0>}) -> tensor<4x8xf32>
    func.func private @g(tensor<4x8xf32> {exec.may_alias = array<i64: 0>}, tensor<4x8xf32>) -> tensor<4x8xf32>
  }
  // CHECK-LABEL: @up(
  // CHECK-SAME: %[[X:.*]]: tensor<4x16xf32> {{{.*}}}, %[[W1:.*]]: tensor<8x16xf32> {{{.*}}}, %{{.*}}: tensor<2xf32> {{{.*}}}, %[[W3:.*]]: tensor<8x16xf32> {{.*}}
  // PLAN-LABEL: @up(
  // PLAN-SAME: exec.slot = #exec.slot<parameters, 0, parameters>, {{.*}}"w1"
  // PLAN-SAME: exec.slot = #exec.slot<parameters, 1024, parameters>, {{.*}}"other"
  // PLAN-SAME: exec.slot = #exec.slot<parameters, 512, parameters>, {{.*}}"w3"
  func.func @up(%x: tensor<4x16xf32> {fabric.input = #fabric.input<"x">}, %w1: tensor<8x16xf32> {fabric.param = #fabric.param<"w1">},
      %other: tensor<2xf32> {fabric.param = #fabric.param<"other">}, %w3: tensor<8x16xf32> {fabric.param = #fabric.param<"w3">})
      -> (tensor<4x8xf32> {fabric.result = "y"}) {
    // CHECK-NEXT: %[[AC:.*]]:2 = exec.joined_gemm(%[[X]]) by(%[[W1]], %[[W3]]) m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true>
    // CHECK-NEXT: %[[B:.*]] = exec.launch @kernels::@f(%[[AC]]#0)
    // CHECK-NEXT: exec.launch @kernels::@g(%[[B]], %[[AC]]#1)
    // PLAN: exec.joined_gemm{{.*}} at [#exec.slot<workspace, 0, activations>, #exec.slot<workspace, 128, activations>]
    // PLAN-NEXT: @kernels::@f({{.*}}) ties = [-1] at [
    %a = exec.gemm %x, %w1 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %b = exec.launch @kernels::@f(%a) ties = [-1] : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %c = exec.gemm %x, %w3 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %d = exec.launch @kernels::@g(%b, %c) ties = [-1] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    return %d : tensor<4x8xf32>
  }
}

// -----

// The earlier comes down where the other's weight is not there yet; three join as
// two do. Gathered weights, of no whole cache line, are as far apart as they take.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
  module @kernels {
    func.func private @h(tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  }
  // CHECK-LABEL: @down(
  // PLAN-LABEL: @down(
  func.func @down(%x: tensor<4x6xf32> {fabric.input = #fabric.input<"x">}, %q: tensor<3x3xf32> {fabric.param = #fabric.param<"q">},
      %k: tensor<3x3xf32> {fabric.param = #fabric.param<"k">}, %v: tensor<3x3xf32> {fabric.param = #fabric.param<"v">})
      -> (tensor<4x3xf32> {fabric.result = "y"}) {
    // CHECK-COUNT-3: exec.collective all_gather
    // CHECK-NEXT: exec.joined_gemm(%{{.*}}) by(%{{.*}}, %{{.*}}, %{{.*}}) m = 4 n = 3 k = 6
    // CHECK-NOT: exec.gemm
    // PLAN: exec.collective all_gather {{.*}} at <workspace, 0, communication>
    // PLAN-NEXT: exec.collective all_gather {{.*}} at <workspace, 128, communication>
    // PLAN-NEXT: exec.collective all_gather {{.*}} at <workspace, 256, communication>
    // PLAN-NEXT: exec.joined_gemm{{.*}} at [#exec.slot<workspace, 384, activations>, #exec.slot<workspace, 448, activations>, #exec.slot<workspace, 512, activations>]
    %gq = exec.collective all_gather %q axes = <{"dp"}> concat_dim = 1 bytes_sent = 36 why = "q" : tensor<3x3xf32> -> tensor<3x6xf32>
    %a = exec.gemm %x, %gq batch = 1 m = 4 n = 3 k = 6 a = <leading = 6> b = <leading = 6, transposed = true> : (tensor<4x6xf32>, tensor<3x6xf32>) -> tensor<4x3xf32>
    %gk = exec.collective all_gather %k axes = <{"dp"}> concat_dim = 1 bytes_sent = 36 why = "k" : tensor<3x3xf32> -> tensor<3x6xf32>
    %b = exec.gemm %x, %gk batch = 1 m = 4 n = 3 k = 6 a = <leading = 6> b = <leading = 6, transposed = true> : (tensor<4x6xf32>, tensor<3x6xf32>) -> tensor<4x3xf32>
    %gv = exec.collective all_gather %v axes = <{"dp"}> concat_dim = 1 bytes_sent = 36 why = "v" : tensor<3x3xf32> -> tensor<3x6xf32>
    %c = exec.gemm %x, %gv batch = 1 m = 4 n = 3 k = 6 a = <leading = 6> b = <leading = 6, transposed = true> : (tensor<4x6xf32>, tensor<3x6xf32>) -> tensor<4x3xf32>
    %d = exec.launch @kernels::@h(%a, %b, %c) ties = [-1] : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
    return %d : tensor<4x3xf32>
  }
}

// -----

// Gradients of weights share the other operand.
module {
  module @kernels {
    func.func private @silu(tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
    func.func private @sum(tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<f32>
  }
  // CHECK-LABEL: @gradients(
  func.func @gradients(%x: tensor<4x16xf32> {fabric.input = #fabric.input<"x">}, %d: tensor<4x8xf32> {fabric.input = #fabric.input<"d">})
      -> (tensor<f32> {fabric.result = "y"}) {
    // CHECK: %[[G:.*]]:2 = exec.launch @kernels::@silu
    // CHECK-NEXT: exec.joined_gemm(%[[G]]#0, %[[G]]#1) by(%{{.*}}) m = 8 n = 16 k = 4 a = <leading = 8, transposed = true> b = <leading = 16>
    %g:2 = exec.launch @kernels::@silu(%d) ties = [-1, -1] : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
    %1 = exec.gemm %g#0, %x batch = 1 m = 8 n = 16 k = 4 a = <leading = 8, transposed = true> b = <leading = 16> : (tensor<4x8xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
    %2 = exec.gemm %g#1, %x batch = 1 m = 8 n = 16 k = 4 a = <leading = 8, transposed = true> b = <leading = 16> : (tensor<4x8xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
    %3 = exec.launch @kernels::@sum(%1, %2) ties = [-1] : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<f32>
    return %3 : tensor<f32>
  }
}

// -----

// What stays apart: another size; a bias; what is added onto another product, and
// that one; a result of the function; an input as the operand of its own; and
// who reads the earlier result to make what the later one needs.
module {
  module @kernels {
    func.func private @f(tensor<4x8xf32>) -> tensor<8x16xf32>
    func.func private @all(tensor<4x8xf32>, tensor<4x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32>
  }
  // CHECK-LABEL: @apart(
  // CHECK-NOT: joined
  func.func @apart(%x: tensor<4x16xf32> {fabric.input = #fabric.input<"x">}, %w: tensor<8x16xf32> {fabric.param = #fabric.param<"w">},
      %small: tensor<4x16xf32> {fabric.param = #fabric.param<"small">}, %u: tensor<8x16xf32> {fabric.param = #fabric.param<"u">},
      %bias: tensor<8xf32> {fabric.param = #fabric.param<"b">}, %i: tensor<8x16xf32> {fabric.input = #fabric.input<"i">},
      %v: tensor<8x16xf32> {fabric.param = #fabric.param<"v">})
      -> (tensor<f32> {fabric.result = "y"}, tensor<4x8xf32> {fabric.result = "z"}) {
    %0 = exec.gemm %x, %w batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %1 = exec.gemm %x, %small batch = 1 m = 4 n = 4 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x4xf32>
    %2 = exec.gemm %x, %u bias %bias batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    %3 = exec.gemm %x, %i batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %4 = exec.launch @kernels::@f(%0) ties = [-1] : (tensor<4x8xf32>) -> tensor<8x16xf32>
    %5 = exec.gemm %x, %4 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %6 = exec.gemm %x, %u batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %7 = exec.gemm %x, %v onto %6 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    %z = exec.gemm %x, %v batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %y = exec.launch @kernels::@all(%0, %1, %2, %3, %5, %7) ties = [-1] : (tensor<4x8xf32>, tensor<4x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32>
    return %y, %z : tensor<f32>, tensor<4x8xf32>
  }
}

// -----

// A weight is beside one other only: those of other products stay apart. One that
// is overwritten in place has its place already.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
  module @kernels {
    func.func private @all(tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<f32>
  }
  // CHECK-LABEL: @one_run(
  func.func @one_run(%x: tensor<4x16xf32> {fabric.input = #fabric.input<"x">}, %o: tensor<4x16xf32> {fabric.input = #fabric.input<"o">},
      %u: tensor<4x16xf32> {fabric.param = #fabric.param<"u">},
      %p: tensor<8x16xf32> {fabric.param = #fabric.param<"p">}, %q: tensor<8x16xf32> {fabric.param = #fabric.param<"q">})
      -> (tensor<f32> {fabric.result = "y"}) {
    // CHECK: exec.joined_gemm(%{{.*}}) by(%[[P:.*]], %[[Q:.*]]) m = 4 n = 8
    // CHECK-NEXT: exec.gemm %{{.*}}, %[[P]] batch = 1 m = 4 n = 8
    // CHECK-NEXT: exec.gemm %{{.*}}, %[[Q]] batch = 1 m = 4 n = 8
    // CHECK-NOT: joined
    %c = exec.gemm %x, %p batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %d = exec.gemm %x, %q batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %e = exec.gemm %o, %p batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %f = exec.gemm %o, %q batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %g = exec.collective all_gather %u axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "u" : tensor<4x16xf32> -> tensor<8x16xf32>
    %h = exec.gemm %o, %g batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %r = exec.collective all_reduce %g by sum axes = <{"dp"}> bytes_sent = 512 why = "u" in_place : tensor<8x16xf32> -> tensor<8x16xf32>
    %s = exec.collective all_gather %u axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "u" : tensor<4x16xf32> -> tensor<8x16xf32>
    %i = exec.gemm %o, %s batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
    %y = exec.launch @kernels::@all(%c, %d, %e, %f, %h, %i, %r) ties = [-1] : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<f32>
    return %y : tensor<f32>
  }
}

// -----

// What one gives the other is no operand beside the one that they share.
module {
  module @kernels {
    func.func private @f(tensor<4x4xf32>) -> tensor<4x4xf32>
  }
  // CHECK-LABEL: @chain(
  // CHECK: %[[ONE:.*]] = exec.gemm
  // CHECK-NEXT: exec.gemm %[[ONE]],
  func.func @chain(%x: tensor<4x4xf32> {fabric.input = #fabric.input<"x">}, %w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">})
      -> (tensor<4x4xf32> {fabric.result = "y"}) {
    %0 = exec.launch @kernels::@f(%x) ties = [-1] : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = exec.gemm %0, %w batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %2 = exec.gemm %1, %w batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %3 = exec.launch @kernels::@f(%2) ties = [-1] : (tensor<4x4xf32>) -> tensor<4x4xf32>
    return %3 : tensor<4x4xf32>
  }
}
