// RUN: fabric-opt %s --exec-verify-memory --exec-verify-peers -split-input-file -verify-diagnostics

// The program that the others lack a barrier of.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @ordered(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    %v = exec.peer_view %a axes = <{"dp"}> member = 1 at <workspace, 64, activations> : tensor<16xf32> -> tensor<16xf32>
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}> released(%a : tensor<16xf32>)
    %c = exec.launch @kernels::@f(%b) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// Read before all have written: no barrier between the two.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @unwritten(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    exec.barrier axes = <{"dp"}>
    // expected-error @below {{writes what peers read, with no barrier over {"dp"} between}}
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    %v = exec.peer_view %a axes = <{"dp"}> member = 1 at <workspace, 64, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-note @below {{they read it here}}
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}

// -----

// Overwritten, in part, before all have read.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @overwritten(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    %v = exec.peer_view %a axes = <{"dp"}> member = 1 at <workspace, 64, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-note @below {{they read it here}}
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 192, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    // expected-error @below {{writes what peers read, with no barrier over {"dp"} between}}
    %c = exec.launch @kernels::@f(%b) ties = [-1] at [#exec.slot<workspace, 124, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}

// -----

// Nothing keeps the step before from still writing.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @before(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 at <workspace, 0, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-error @below {{reads a peer's value and expects a barrier over {"dp"} before it in the step}}
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}

// -----

// Nor the next one from writing already. A barrier over other axes does not, either.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @after(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    exec.barrier axes = <{"tp", "dp"}>
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 at <workspace, 0, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-error @below {{reads a peer's value and expects a barrier over {"dp"} after it in the step}}
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"tp"}>
    return
  }
}

// -----

// Of own pieces, peers read all: what is written over another rank's counts.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<8xf32>) -> tensor<8xf32>
  }
  func.func @pieces(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    exec.barrier axes = <{"dp"}>
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 own_piece at <workspace, 0, activations> : tensor<16xf32> -> tensor<8xf32>
    // expected-note @below {{they read it here}}
    %b = exec.launch @kernels::@f(%v) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<8xf32>) -> tensor<8xf32>
    // expected-error @below {{writes what peers read, with no barrier over {"dp"} between}}
    %c = exec.launch @kernels::@f(%b) ties = [-1] at [#exec.slot<workspace, 32, activations>] : (tensor<8xf32>) -> tensor<8xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}

// -----

// A peer's value is nobody else's to write, and for products and kernels to read.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
  }
  func.func @written(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    exec.barrier axes = <{"dp"}>
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 at <workspace, 0, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-error @below {{writes over a peer's value}}
    %b = exec.launch @kernels::@f(%v) ties = [0] at [#exec.slot<workspace, 0, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  func.func @collective(%x: tensor<16xf32> {exec.slot = #exec.slot<workspace, 0, activations>}) {
    exec.barrier axes = <{"dp"}>
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 at <workspace, 0, activations> : tensor<16xf32> -> tensor<16xf32>
    // expected-error @below {{reads a peer's value, which only products and kernels can}}
    %b = exec.collective all_reduce %v by sum axes = <{"dp"}> bytes_sent = 0 why = "" at <workspace, 128, activations> : tensor<16xf32> -> tensor<16xf32>
    return
  }
}

// -----

// A peer's value is gone where the owner, in the same order, has overwritten it.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<workspace, 256>]} {
  module @kernels {
    func.func private @f(tensor<16xf32>) -> tensor<16xf32>
    func.func private @g(tensor<8xf32>) -> tensor<16xf32>
  }
  func.func @gone(%y: tensor<16xf32> {exec.slot = #exec.slot<workspace, 128, activations>}) {
    %x = exec.launch @kernels::@f(%y) ties = [-1] at [#exec.slot<workspace, 0, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    // expected-note @below {{the value}}
    %v = exec.peer_view %x axes = <{"dp"}> member = 1 own_piece at <workspace, 0, activations> : tensor<16xf32> -> tensor<8xf32>
    %a = exec.launch @kernels::@f(%y) ties = [-1] at [#exec.slot<workspace, 32, activations>] : (tensor<16xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    // expected-error @below {{reads a value of type 'tensor<8xf32>' whose slot #exec.slot<workspace, 0, activations> was overwritten}}
    %b = exec.launch @kernels::@g(%v) ties = [-1] at [#exec.slot<workspace, 192, activations>] : (tensor<8xf32>) -> tensor<16xf32>
    exec.barrier axes = <{"dp"}>
    return
  }
}
