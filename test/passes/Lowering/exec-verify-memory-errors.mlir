// RUN: fabric-opt %s --exec-verify-memory -split-input-file -verify-diagnostics

// A value that is overwritten, in part, before it is read.
module attributes {exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
    func.func private @g(tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @overwritten(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    // expected-note @below {{the value}}
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    %b = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 96, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    // expected-error @below {{reads a value of type 'tensor<16xf32>' whose slot #exec.slot<workspace, 64, activations> was overwritten}}
    %c = exec.launch @kernels::@g(%a, %b) ties = [-1] at [#exec.slot<workspace, 192, activations>] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// A result over an operand without a tie.
module attributes {exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @untied(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    // expected-error @below {{writes a result over operand #0, to which it is not tied}}
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 0, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// A tie that is not kept.
module attributes {exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
  }
  func.func @moved(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    // expected-error @below {{ties a result in slot #exec.slot<workspace, 64, activations> to an operand in slot #exec.slot<workspace, 0, activations>}}
    %a = exec.launch @kernels::@f(%x) ties = [0] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// Two results in one place.
module attributes {exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
  }
  func.func @results(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    // expected-error @below {{writes two results to one slot}}
    %a:2 = exec.launch @kernels::@f(%x) ties = [-1, -1] at [#exec.slot<workspace, 64, activations>, #exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
    return
  }
}

// -----

// Past the end of the arena.
module attributes {exec.arenas = [#exec.arena<workspace, 64>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @outside(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    // expected-error @below {{has a slot that ends at byte 128 of the arena workspace of 64}}
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// No slot at all.
module attributes {exec.arenas = [#exec.arena<workspace, 64>]} {
  // expected-error @below {{has no slot for 'tensor<16xf32>'}}
  func.func @unplanned(%x: tensor<16xf32>) {
    return
  }
}

// -----

// Two arguments in one place.
module attributes {exec.arenas = [#exec.arena<workspace, 128>]} {
  // expected-error @below {{reads a value of type 'tensor<16xf32>' whose slot #exec.slot<workspace, 0, activations> was overwritten}}
  // expected-note @below {{the value}}
  func.func @arguments(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}, %y: tensor<16xf32> {exec.slot = #exec.slot<workspace, 32, activations>}) {
    return
  }
}

// -----

// A new value that is not where the argument was.
module attributes {exec.arenas = [#exec.arena<workspace, 128>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @update(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) -> (tensor<16xf32> {fabric.update_of = 0 : i64}) {
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    // expected-error @below {{returns the new value of argument #0 in another slot, #exec.slot<workspace, 64, activations>}}
    return %a : tensor<16xf32>
  }
}

// -----

// A copy where none is allowed.
module attributes {exec.arenas = [#exec.arena<workspace, 128>]} {
  // expected-error @below {{expects at most 0 planned copies, found 1}}
  func.func @copy(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}, %y: tensor<16xf32> {exec.slot = #exec.slot<workspace, 64, activations>}) -> tensor<16xf32> {
    %0 = exec.copy %x into %y at <workspace, 64, activations> : tensor<16xf32>, tensor<16xf32> -> tensor<16xf32>
    return %0 : tensor<16xf32>
  }
}

// -----

// What is accessed as one is not one after the other.
module attributes {exec.arenas = [#exec.arena<workspace, 1024>]} {
  func.func @apart(%x: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 0, activations>},
      %w: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 64, activations>}, %u: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 128, activations>},
      %v: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 256, activations>}) {
    // expected-error @below {{expects what it accesses as one to lie one after the other, found slots #exec.slot<workspace, 64, activations> and #exec.slot<workspace, 256, activations>}}
    %a:3 = exec.joined_gemm(%x) by(%w, %u, %v) m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4>
        at [#exec.slot<workspace, 512, activations>, #exec.slot<workspace, 576, activations>, #exec.slot<workspace, 640, activations>]
        : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
    return
  }
}

// -----

// Nor backwards.
module attributes {exec.arenas = [#exec.arena<workspace, 1024>]} {
  func.func @backwards(%x: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 0, activations>},
      %w: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 64, activations>}, %u: tensor<4x4xf32> {exec.slot = #exec.slot<workspace, 128, activations>}) {
    // expected-error @below {{found slots #exec.slot<workspace, 576, activations> and #exec.slot<workspace, 512, activations>}}
    %a:2 = exec.joined_gemm(%x) by(%w, %u) m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4>
        at [#exec.slot<workspace, 576, activations>, #exec.slot<workspace, 512, activations>]
        : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
    return
  }
}
