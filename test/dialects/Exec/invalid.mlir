// RUN: fabric-opt %s -split-input-file -verify-diagnostics

// exec.gemm C1
func.func @gemm_c1(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects positive sizes, found batch 1, m 0, n 2, k 8}}
  %0 = exec.gemm %a, %b batch = 1 m = 0 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C2
func.func @gemm_c2(%a: tensor<4x8xf32>, %b: tensor<8x2xf64>) {
  // expected-error @below {{expects matrices of one float element type, found 'tensor<4x8xf32>' and 'tensor<8x2xf64>'}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf64>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C2: wider results are for bf16 and f16
func.func @gemm_c2_result(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects a result of 'f32', found 'tensor<4x2xf64>'}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf64>
  return
}

// -----

// exec.gemm C2: what is added is of the result's type
func.func @gemm_c2_bias(%a: tensor<4x8xbf16>, %b: tensor<8x2xbf16>, %bias: tensor<2xbf16>) {
  // expected-error @below {{expects what it is added to of the result's element type, found 'tensor<2xbf16>' and 'tensor<4x2xf32>'}}
  %0 = exec.gemm %a, %b bias %bias batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xbf16>, tensor<8x2xbf16>, tensor<2xbf16>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C3: a row longer than the distance between rows
func.func @gemm_c3_leading(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects a leading dimension of at least 8 for a, found 7}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 7> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C3: past the end of the tensor
func.func @gemm_c3_extent(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects the matrices of b to lie in its 16 elements, found 23}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 3> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C4
func.func @gemm_c4(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects a result of 8 elements, found 'tensor<4x3xf32>'}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x3xf32>
  return
}

// -----

// exec.gemm C5
func.func @gemm_c5(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %bias: tensor<4xf32>) {
  // expected-error @below {{expects a bias of 2 elements from 0, found 'tensor<4xf32>'}}
  %0 = exec.gemm %a, %b bias %bias batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C6
func.func @gemm_c6(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<8xf32>) {
  // expected-error @below {{expects an accumulator of the result's type, found 'tensor<8xf32>' and 'tensor<4x2xf32>'}}
  %0 = exec.gemm %a, %b onto %c batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.launch C1: no such kernel
func.func @launch_c1(%a: tensor<4xf32>) {
  // expected-error @below {{expects a kernel of @kernels, found @kernels::@kernel_0}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [-1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.launch C1: not a kernel
func.func private @other(tensor<4xf32>) -> tensor<4xf32>
func.func @launch_c1_place(%a: tensor<4xf32>) {
  // expected-error @below {{expects a kernel of @kernels, found @other}}
  %0 = exec.launch @other(%a) ties = [-1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.launch C2
module @kernels {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<4xf32>
}
func.func @launch_c2(%a: tensor<5xf32>) {
  // expected-error @below {{expects the types of @kernels::@kernel_0, '(tensor<4xf32>) -> tensor<4xf32>'}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [-1] : (tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.launch C3: as many ties as results
module @kernels {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<4xf32>
}
func.func @launch_c3(%a: tensor<4xf32>) {
  // expected-error @below {{expects a tie for each of 1 results, found 2}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [-1, -1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.launch C3: ties are operands
module @kernels {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<4xf32>
}
func.func @launch_c3_operand(%a: tensor<4xf32>) {
  // expected-error @below {{ties result 0 to operand 1 of 1}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.launch C4: one result an operand
module @kernels {
  func.func private @kernel_0(tensor<4xf32> {exec.may_alias = array<i64: 0, 1>}) -> (tensor<4xf32>, tensor<4xf32>)
}
func.func @launch_c4(%a: tensor<4xf32>) {
  // expected-error @below {{ties two results to operand 0}}
  %0:2 = exec.launch @kernels::@kernel_0(%a) ties = [0, 0] : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// exec.launch C4: of one type
module @kernels {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<2xf32>
}
func.func @launch_c4_type(%a: tensor<4xf32>) {
  // expected-error @below {{ties result 0 of type 'tensor<2xf32>' to operand 0 of type 'tensor<4xf32>'}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [0] : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

// exec.launch C5
module @kernels {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<4xf32>
}
func.func @launch_c5(%a: tensor<4xf32>) {
  // expected-error @below {{ties result 0 to operand 0, which @kernels::@kernel_0 does not allow}}
  %0 = exec.launch @kernels::@kernel_0(%a) ties = [0] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// exec.collective C1: a mesh
func.func @collective_c1(%a: tensor<4xf32>) {
  // expected-error @below {{expects at least one axis of the module's mesh}}
  %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<8xf32>
  return
}

// -----

// exec.collective C1: an axis of it
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c1_axis(%a: tensor<4xf32>) {
    // expected-error @below {{axis "tp" is not one of the mesh}}
    %0 = exec.collective all_gather %a axes = <{"tp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<8xf32>
    return
  }
}

// -----

// exec.collective C2: a dim where there must be one
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c2(%a: tensor<4xf32>) {
    // expected-error @below {{all_gather expects a concat_dim}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<8xf32>
    return
  }
}

// -----

// exec.collective C2: none where there must be none
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c2_split(%a: tensor<4xf32>) {
    // expected-error @below {{all_gather expects no split_dim}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 0 split_dim = 0 bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<4xf32>
    return
  }
}

// -----

// exec.collective C2: a dim of the tensor
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c2_dim(%a: tensor<4xf32>) {
    // expected-error @below {{concat_dim 1 is not a dim of 'tensor<4xf32>'}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 1 bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<8xf32>
    return
  }
}

// -----

// exec.collective C2: a reduction
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c2_reduction(%a: tensor<4xf32>) {
    // expected-error @below {{all_reduce expects a reduction}}
    %0 = exec.collective all_reduce %a axes = <{"dp"}> bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<4xf32>
    return
  }
}

// -----

// exec.collective C3: the result's shape
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c3(%a: tensor<4xf32>) {
    // expected-error @below {{expects a result of type 'tensor<8xf32>', found 'tensor<4xf32>'}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<4xf32> -> tensor<4xf32>
    return
  }
}

// -----

// exec.collective C3: a dim that divides
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c3_split(%a: tensor<3xf32>) {
    // expected-error @below {{expects split_dim 0 to be a multiple of 2, found 3}}
    %0 = exec.collective all_slice %a axes = <{"dp"}> split_dim = 0 bytes_sent = 0 why = "" : tensor<3xf32> -> tensor<1xf32>
    return
  }
}

// -----

// exec.collective C4
module attributes {dist.mesh = #dist.mesh<["dp"=1]>} {
  func.func @collective_c4(%a: tensor<4xf32>) {
    // expected-error @below {{only an all_reduce can be in place, found all_gather}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 0 bytes_sent = 0 why = "" in_place : tensor<4xf32> -> tensor<4xf32>
    return
  }
}

// -----

// exec.collective C5
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
  func.func @collective_c5(%a: tensor<4xf32>) {
    // expected-error @below {{expects bytes_sent of at least 0, found -1}}
    %0 = exec.collective all_gather %a axes = <{"dp"}> concat_dim = 0 bytes_sent = -1 why = "" : tensor<4xf32> -> tensor<8xf32>
    return
  }
}

// -----

// exec.view C1
func.func @view_c1(%a: tensor<4xf32>) {
  // expected-error @below {{expects as many elements of one type, found 'tensor<4xf32>' and 'tensor<5xf32>'}}
  %0 = exec.view %a : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// exec.constant C1
func.func @constant_c1() {
  // expected-error @below {{failed to verify that all of {value, result} have same type}}
  %0 = "exec.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<5xf32>
  return
}

// -----

// exec.copy C1
func.func @copy_c1(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{expects one type, found 'tensor<4xf32>', 'tensor<5xf32>' and 'tensor<4xf32>'}}
  %0 = exec.copy %a into %b : tensor<4xf32>, tensor<5xf32> -> tensor<4xf32>
  return
}

// -----

// #exec.slot C1
// expected-error @below {{expects an offset of at least 0, found -64}}
func.func private @slot_c1(tensor<4xf32> {exec.slot = #exec.slot<workspace, -64, activations>})

// -----

// #exec.arena C1
// expected-error @below {{expects a size of at least 0, found -1}}
module attributes {exec.arenas = [#exec.arena<io, -1>]} {}

// -----

// #exec.matrix C1
// expected-error @below {{expects a positive leading dimension, a batch stride and an offset of at least 0, found 0, 0 and 0}}
func.func private @matrix_c1() attributes {matrix = #exec.matrix<leading = 0>}

// -----

// Attributes: arenas are the module's
// expected-error @below {{attribute "exec.arenas" is an array of #exec.arena of a module}}
module attributes {exec.arenas = [1]} {}

// -----

// Attributes: what may be written over an argument is of its type
// expected-error @below {{argument 0 may alias results of its type, found result 1}}
func.func private @may_alias(tensor<4xf32> {exec.may_alias = array<i64: 1>}) -> (tensor<4xf32>, tensor<5xf32>)

// -----

// Attributes: unknown ones
// expected-error @below {{argument 0 has an unknown attribute "exec.place" = 1}}
func.func private @unknown(tensor<4xf32> {exec.place = 1 : i64})

// -----

// exec.gemm C3: an offset past the end
func.func @gemm_c3_offset(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects the matrices of a to lie in its 32 elements, found 33}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8, offset = 1> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C4: a block past the end
func.func @gemm_c4_block(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects the matrices of c to lie in its 16 elements, found 17}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> c = <leading = 4, offset = 3> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

// exec.gemm C4: a transposed block
func.func @gemm_c4_transposed(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects a block that is one matrix and not transposed, found batch 1 and}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> c = <leading = 4, transposed = true> : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

// exec.gemm C5: a bias that begins too late
func.func @gemm_c5_from(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expects a bias of 2 elements from 3, found 'tensor<4xf32>'}}
  %0 = exec.gemm %a, %b bias %c from 3 batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> c = <leading = 4> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// exec.gemm C5: a part of a bias for a whole result
func.func @gemm_c5_whole(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expects a bias from 0 on without a block, found 2}}
  %0 = exec.gemm %a, %b bias %c from 2 batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C8
func.func @f(%a: tensor<4x8xf64>, %b: tensor<8x2xf64>) -> tensor<4x2xf64> {
  // expected-error @below {{expects operands of f32 for TF32, found 'tensor<4x8xf64>'}}
  %0 = exec.gemm %a, %b batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> tf32 : (tensor<4x8xf64>, tensor<8x2xf64>) -> tensor<4x2xf64>
  return %0 : tensor<4x2xf64>
}

// -----

// exec.gemm C7: a target without a block
func.func @gemm_c7(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<4x2xf32>) {
  // expected-error @below {{expects a target of the result's type, for a block that is not accumulated, found 'tensor<4x2xf32>' and 'tensor<4x2xf32>'}}
  %0 = exec.gemm %a, %b into %c batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

// exec.gemm C7: a target of another type
func.func @gemm_c7_type(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<4x2xf32>) {
  // expected-error @below {{expects a target of the result's type, for a block that is not accumulated, found 'tensor<4x2xf32>' and 'tensor<4x4xf32>'}}
  %0 = exec.gemm %a, %b into %c batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> c = <leading = 4> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

// exec.gemm C7: a target and an accumulator
func.func @gemm_c7_both(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<4x4xf32>) {
  // expected-error @below {{expects a target of the result's type, for a block that is not accumulated}}
  %0 = exec.gemm %a, %b onto %c into %c batch = 1 m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> c = <leading = 4> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// exec.peer_view C1
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c1(%a: tensor<4x8xf32>) {
  // expected-error @below {{axis "ep" is not one of the mesh}}
  %0 = exec.peer_view %a axes = <{"ep"}> member = 0 : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
}

// -----

// exec.peer_view C1: no axes
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c1_none(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects at least one axis of the module's mesh}}
  %0 = exec.peer_view %a axes = <{}> member = 0 : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
}

// -----

// exec.peer_view C2
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c2(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects a member below the group's 4, found 4}}
  %0 = exec.peer_view %a axes = <{"dp", "tp"}> member = 4 : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
}

// -----

// exec.peer_view C3
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c3(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects a result of type 'tensor<4x8xf32>', found 'tensor<2x8xf32>'}}
  %0 = exec.peer_view %a axes = <{"dp"}> member = 1 : tensor<4x8xf32> -> tensor<2x8xf32>
  return
}
}

// -----

// exec.peer_view C3: pieces
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c3_piece(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects a result of type 'tensor<2x8xf32>', found 'tensor<4x4xf32>'}}
  %0 = exec.peer_view %a axes = <{"dp"}> member = 1 own_piece : tensor<4x8xf32> -> tensor<4x4xf32>
  return
}
}

// -----

// exec.peer_view C3: no pieces
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @peer_view_c3_divides(%a: tensor<3x8xf32>) {
  // expected-error @below {{expects dim 0 to be a multiple of 2, found 'tensor<3x8xf32>'}}
  %0 = exec.peer_view %a axes = <{"dp"}> member = 1 own_piece : tensor<3x8xf32> -> tensor<3x8xf32>
  return
}
}

// -----

// exec.barrier C1
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @barrier_c1() {
  // expected-error @below {{axis "ep" is not one of the mesh}}
  exec.barrier axes = <{"ep"}>
  return
}
}

// -----

// exec.barrier C1: no mesh
func.func @barrier_c1_mesh() {
  // expected-error @below {{expects at least one axis of the module's mesh}}
  exec.barrier axes = <{"dp"}>
  return
}

// -----

// exec.collective C6
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @collective_c6(%x: tensor<16xf32>) {
  // expected-error @below {{all_slice needs nobody and cannot be async}}
  %0 = exec.collective all_slice %x axes = <{"dp"}> split_dim = 0 bytes_sent = 0 why = "" async : tensor<16xf32> -> tensor<8xf32>
  return
}
}

// -----

// exec.record C1
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @record_c1() {
  // expected-error @below {{axis "ep" is not one of the mesh}}
  exec.record 0 stream = <{"ep"}>
  return
}
}

// -----

// exec.wait C1
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @wait_c1() {
  // expected-error @below {{axis "ep" is not one of the mesh}}
  exec.wait 0 stream = <{"ep"}>
  return
}
}

// -----

// exec.joined_gemm C1
func.func @joined_gemm_c1(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects positive sizes, found m 0, n 2, k 8}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 0 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C2
func.func @joined_gemm_c2(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects one matrix for all products and one for each of at least 2, found 1 and 2 for 3}}
  %0:3 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C2: one product is a gemm
func.func @joined_gemm_c2_one(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{at least 2, found 1 and 1 for 1}}
  %0 = exec.joined_gemm(%a) by(%b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>) -> (tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C3
func.func @joined_gemm_c3(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<16xf32>) {
  // expected-error @below {{expects tensors of one type, found 'tensor<8x2xf32>', 'tensor<16xf32>'}}
  %0:2 = exec.joined_gemm(%a) by(%b, %c) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<16xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C4
func.func @joined_gemm_c4(%a: tensor<4x8xf32>, %b: tensor<8x2xf64>) {
  // expected-error @below {{expects matrices of one float element type, found 'tensor<4x8xf32>' and 'tensor<8x2xf64>'}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf64>, tensor<8x2xf64>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C4: TF32
func.func @joined_gemm_c4_tf32(%a: tensor<4x8xf64>, %b: tensor<8x2xf64>) {
  // expected-error @below {{expects operands of f32 for TF32, found 'tensor<4x8xf64>'}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> tf32 : (tensor<4x8xf64>, tensor<8x2xf64>, tensor<8x2xf64>) -> (tensor<4x2xf64>, tensor<4x2xf64>)
  return
}

// -----

// exec.joined_gemm C5
func.func @joined_gemm_c5(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects the matrices of b to lie in its 16 elements, found 23}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 3> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C5: from the first element on
func.func @joined_gemm_c5_offset(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects matrices from the first element on, found #exec.matrix<leading = 2, offset = 2>}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 7 a = <leading = 8> b = <leading = 2, offset = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

// -----

// exec.joined_gemm C5: results
func.func @joined_gemm_c5_results(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) {
  // expected-error @below {{expects results of 8 elements, found 'tensor<4x3xf32>'}}
  %0:2 = exec.joined_gemm(%a) by(%b, %b) m = 4 n = 2 k = 8 a = <leading = 8> b = <leading = 2> : (tensor<4x8xf32>, tensor<8x2xf32>, tensor<8x2xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

// exec.loops
func.func @negative_loop(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{attribute "exec.loops" is an array of loops, found array<i64: -1>}}
  %0 = fabric.neg %a {exec.loops = array<i64: -1>} : tensor<4xf32>
  return %0 : tensor<4xf32>
}
